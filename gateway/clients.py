"""The services as the gateway sees them: domain in, domain out; the hot calls travel in batches."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Generic, Protocol, TypeVar

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.date_pb2 import Date

from gateway.coalescer import Coalescer
from gateway.domain import (
    Allocataire,
    Caller,
    ClientCertificateRequired,
    ClientContext,
    Consultation,
    ConventionNotInForce,
    Coordonnees,
    Disclosure,
    Dossier,
    HabilitationNotValid,
    NetworkNotAllowed,
    OnlineService,
    OpenedSession,
    OppositionScope,
    Outcome,
    PartnerSuspended,
    PasswordChangeRequired,
    QuotientPeriod,
    RateLimit,
    RateLimited,
    RateLimitScope,
    Right,
    SecondFactorEnrolmentRequired,
    SessionNotValid,
    SessionState,
    SignedIn,
    UserSuspended,
    UseSuspended,
)
from msa.identity.v1 import session_service_pb2 as identity_pb
from msa.identity.v1.session_service_pb2_grpc import SessionServiceStub
from msa.partners.v1 import habilitation_service_pb2 as partners_pb
from msa.partners.v1.habilitation_service_pb2_grpc import HabilitationServiceStub
from msa.quotient.v1 import disclosure_service_pb2 as disclosure_pb
from msa.quotient.v1 import dossier_service_pb2 as dossier_pb
from msa.quotient.v1 import opposition_service_pb2 as opposition_pb
from msa.quotient.v1.disclosure_service_pb2_grpc import DisclosureServiceStub
from msa.quotient.v1.opposition_service_pb2_grpc import OppositionServiceStub
from services.kit import telemetry
from services.kit.client import Upstream
from services.kit.errors import DomainError
from services.kit.redaction import DeviceToken, OneTimeCode, Password, SessionToken

_REFUSALS: Mapping[int, type[DomainError]] = {
    identity_pb.AUTHENTICATION_DECISION_USE_SUSPENDED: UseSuspended,
    identity_pb.AUTHENTICATION_DECISION_NETWORK_NOT_ALLOWED: NetworkNotAllowed,
    identity_pb.AUTHENTICATION_DECISION_CLIENT_CERTIFICATE_REQUIRED: ClientCertificateRequired,
}
_IDENTITY = "msa.identity.v1.SessionService"


class _Traced(Protocol):
    traceparent: str


Item = TypeVar("Item", bound=_Traced)
Result = TypeVar("Result")


class _OpenedSession(Protocol):
    """The fields of every reply that opens a session."""

    session_token: str

    @property
    def idle_timeout(self) -> Duration: ...
    @property
    def expire_time(self) -> Timestamp: ...


class _BatchedCall(Generic[Item, Result]):
    """One hot RPC: a span for each caller, one request for all who wait."""

    def __init__(
        self, upstream: Upstream, rpc: str, send: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]]
    ) -> None:
        self._upstream = upstream
        self._rpc = rpc
        self._coalescer = Coalescer(send)

    async def __call__(self, item: Item) -> Result:
        with self._upstream.span(self._rpc):
            item.traceparent = telemetry.current_traceparent()
            return await self._coalescer.submit(item)


class IdentityClient:
    """`msa.identity.v1`."""

    def __init__(self, upstream: Upstream, sign_in_timeout_seconds: float) -> None:
        self._upstream = upstream
        self._sign_in_timeout_seconds = sign_in_timeout_seconds
        self._stub = SessionServiceStub(upstream.channel)
        self._authenticate = _BatchedCall(upstream, f"{_IDENTITY}/Authenticate", self._send_authenticate)

    async def sign_in(
        self, login: str, password: Password, one_time_code: OneTimeCode, client: ClientContext
    ) -> SignedIn:
        """Opens a session (art. 4-3)."""
        reply = await self._upstream.call(
            f"{_IDENTITY}/SignIn",
            self._stub.SignIn,
            identity_pb.SignInRequest(
                login=login,
                password=password.reveal(),
                one_time_code=one_time_code.reveal(),
                client=client_message(client),
            ),
            self._sign_in_timeout_seconds,
        )
        return SignedIn(
            session=opened_session(
                reply, second_factor_enrolment_required=reply.second_factor_enrolment_required
            ),
            password_change_required=reply.password_change_required,
            previous_sign_in_time=optional_instant(reply, "previous_sign_in_time"),
            earlier_session_ended=reply.earlier_session_ended,
            password_renewal_advised=reply.password_renewal_advised,
            device_token=DeviceToken(reply.device_token),
            refused_sign_in_count=reply.refused_sign_in_count,
        )

    async def change_password(
        self,
        token: SessionToken,
        current_password: Password,
        new_password: Password,
        client: ClientContext,
    ) -> OpenedSession:
        """Replaces the password and every session (art. 4-3)."""
        reply = await self._upstream.call(
            f"{_IDENTITY}/ChangePassword",
            self._stub.ChangePassword,
            identity_pb.ChangePasswordRequest(
                session_token=token.reveal(),
                current_password=current_password.reveal(),
                new_password=new_password.reveal(),
                client=client_message(client),
            ),
            self._sign_in_timeout_seconds,
        )
        return opened_session(reply, second_factor_enrolment_required=reply.second_factor_enrolment_required)

    async def get_session(self, token: SessionToken) -> SessionState:
        """What is left of the session (art. 7-1)."""
        reply = await self._upstream.call(
            f"{_IDENTITY}/GetSession",
            self._stub.GetSession,
            identity_pb.GetSessionRequest(session_token=token.reveal()),
        )
        return SessionState(
            password_change_required=reply.password_change_required,
            second_factor_enrolment_required=reply.second_factor_enrolment_required,
            idle_timeout=reply.idle_timeout.ToTimedelta(),
            idle_expire_time=instant(reply.idle_expire_time),
            expire_time=instant(reply.expire_time),
            remaining=reply.remaining.ToTimedelta(),
            expiring_soon=reply.expiring_soon,
            previous_sign_in_time=optional_instant(reply, "previous_sign_in_time"),
        )

    async def sign_out(self, token: SessionToken, client: ClientContext) -> None:
        """Ends the session."""
        await self._upstream.call(
            f"{_IDENTITY}/SignOut",
            self._stub.SignOut,
            identity_pb.SignOutRequest(session_token=token.reveal(), client=client_message(client)),
        )

    async def authenticate(
        self,
        token: SessionToken,
        client: ClientContext,
        *,
        consultation_count: int = 1,
        counted_before: bool = False,
    ) -> Caller:
        """Whose session it is; a verdict that is not "accepted" raises."""
        result = await self._authenticate(
            identity_pb.AuthenticateItem(
                session_token=token.reveal(),
                client=client_message(client),
                consultation_count=consultation_count,
                counted_before=counted_before,
            )
        )
        limits = [_rate_limit(each) for each in result.rate_limits]
        if result.decision == identity_pb.AUTHENTICATION_DECISION_RATE_LIMITED:
            wait = result.retry_after.ToTimedelta()
            raise RateLimited(retry_after_seconds=wait.total_seconds(), rate_limits=limits)
        if result.decision != identity_pb.AUTHENTICATION_DECISION_ACCEPTED:
            raise _REFUSALS.get(result.decision, SessionNotValid)
        if result.password_change_required:
            raise PasswordChangeRequired
        if result.second_factor_enrolment_required:
            raise SecondFactorEnrolmentRequired
        return Caller(result.account_id, result.habilitation_id, result.remaining.ToTimedelta(), limits)

    async def _send_authenticate(
        self, items: Sequence[identity_pb.AuthenticateItem]
    ) -> Sequence[identity_pb.AuthenticateResult]:
        request = identity_pb.AuthenticateRequest(items=items)
        return (await self._upstream.send(self._stub.Authenticate, request)).results


class PartnersClient:
    """`msa.partners.v1`."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._stub = HabilitationServiceStub(upstream.channel)
        self._authorize = _BatchedCall(
            upstream, "msa.partners.v1.HabilitationService/Authorize", self._send_authorize
        )

    async def authorize(self, habilitation_id: str, online_service: OnlineService) -> Right:
        """The right; a verdict that is not "granted" raises."""
        result = await self._authorize(
            partners_pb.AuthorizeItem(
                habilitation_id=habilitation_id,
                online_service=partners_pb.OnlineService.ValueType(online_service),
            )
        )
        if result.decision == partners_pb.AUTHORIZATION_DECISION_CONVENTION_NOT_IN_FORCE:
            raise ConventionNotInForce
        if result.decision == partners_pb.AUTHORIZATION_DECISION_PARTNER_SUSPENDED:
            raise PartnerSuspended
        if result.decision == partners_pb.AUTHORIZATION_DECISION_USER_SUSPENDED:
            raise UserSuspended
        if result.decision != partners_pb.AUTHORIZATION_DECISION_GRANTED:
            raise HabilitationNotValid
        return Right(
            result.partner_id,
            result.convention_id,
            result.caisse_code,
            case_reference_required=result.case_reference_required,
            maintenance_end_time=optional_instant(result, "maintenance_end_time"),
        )

    async def _send_authorize(
        self, items: Sequence[partners_pb.AuthorizeItem]
    ) -> Sequence[partners_pb.AuthorizeResult]:
        request = partners_pb.AuthorizeRequest(items=items)
        return (await self._upstream.send(self._stub.Authorize, request)).results


class QuotientClient:
    """`msa.quotient.v1`."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._oppositions = OppositionServiceStub(upstream.channel)
        self._disclosures = DisclosureServiceStub(upstream.channel)
        self._check = _BatchedCall(
            upstream, "msa.quotient.v1.OppositionService/CheckOppositions", self._send_check
        )
        self._disclose = _BatchedCall(
            upstream, "msa.quotient.v1.DisclosureService/Disclose", self._send_disclose
        )

    async def check_oppositions(self, consultation: Consultation) -> Sequence[OppositionScope]:
        """The standing oppositions of the person (art. 6-3)."""
        result = await self._check(opposition_pb.CheckOppositionsItem(nir=consultation.nir.reveal()))
        return [OppositionScope(scope.caisse_code, scope.partner_id) for scope in result.scopes]

    async def disclose(
        self, consultation: Consultation, caller: Caller, right: Right, *, opposed: bool
    ) -> Disclosure:
        """Commits the journal line, then tells what may be shown (N2)."""
        result = await self._disclose(
            disclosure_pb.DiscloseItem(
                nir=consultation.nir.reveal(),
                caisse_code=right.caisse_code,
                month=Date(year=consultation.month.year, month=consultation.month.month, day=1),
                purpose=disclosure_pb.Purpose.ValueType(consultation.purpose),
                purpose_text=consultation.purpose_text,
                case_reference=consultation.case_reference,
                account_id=caller.account_id,
                habilitation_id=caller.habilitation_id,
                partner_id=right.partner_id,
                convention_id=right.convention_id,
                opposed=opposed,
            )
        )
        return _disclosure(result)

    async def _send_check(
        self, items: Sequence[opposition_pb.CheckOppositionsItem]
    ) -> Sequence[opposition_pb.CheckOppositionsResult]:
        request = opposition_pb.CheckOppositionsRequest(items=items)
        return (await self._upstream.send(self._oppositions.CheckOppositions, request)).results

    async def _send_disclose(
        self, items: Sequence[disclosure_pb.DiscloseItem]
    ) -> Sequence[disclosure_pb.DiscloseResult]:
        request = disclosure_pb.DiscloseRequest(items=items)
        return (await self._upstream.send(self._disclosures.Disclose, request)).results


def client_message(client: ClientContext) -> identity_pb.ClientContext:
    """Where a call comes from, as identity is told."""
    return identity_pb.ClientContext(
        network_prefix=client.network_prefix,
        address=client.address,
        certificate_sha256=client.certificate_sha256,
        device_token=client.device_token.reveal(),
    )


def opened_session(reply: _OpenedSession, *, second_factor_enrolment_required: bool = False) -> OpenedSession:
    """The session that identity opened."""
    return OpenedSession(
        session_token=SessionToken(reply.session_token),
        idle_timeout=reply.idle_timeout.ToTimedelta(),
        expire_time=instant(reply.expire_time),
        second_factor_enrolment_required=second_factor_enrolment_required,
    )


def optional_instant(message: Message, name: str) -> datetime | None:
    """The instant in the field `name` of a message; None where it is absent."""
    return instant(getattr(message, name)) if message.HasField(name) else None


def instant(message: Timestamp) -> datetime:
    """The instant of a message, in UTC."""
    return message.ToDatetime(UTC)


def _rate_limit(message: identity_pb.RateLimit) -> RateLimit:
    return RateLimit(
        RateLimitScope(message.scope),
        message.limit,
        message.remaining,
        message.reset.ToTimedelta(),
        message.window.ToTimedelta(),
    )


def _disclosure(result: disclosure_pb.DiscloseResult) -> Disclosure:
    outcome = Outcome(result.outcome)
    shows_dossier = outcome in (Outcome.AVAILABLE, Outcome.NO_QUOTIENT)
    return Disclosure(
        outcome=outcome,
        consultation_id=result.consultation_id,
        dossier=Dossier(result.numero_dossier, _coordonnees(result.coordonnees)) if shows_dossier else None,
        periods=[_period(period) for period in result.periods] if outcome is Outcome.AVAILABLE else [],
    )


def _coordonnees(message: dossier_pb.Coordonnees) -> Coordonnees:
    return Coordonnees(
        allocataires=[
            Allocataire(person.nom_naissance, person.nom_usage, person.prenoms)
            for person in message.allocataires
        ],
        destinataire=message.destinataire,
        complement_information=message.complement_information,
        complement_information_geographique=message.complement_information_geographique,
        numero_libelle_voie=message.numero_libelle_voie,
        lieu_dit=message.lieu_dit,
        code_postal_ville=message.code_postal_ville,
        pays=message.pays,
    )


def _period(message: dossier_pb.QuotientPeriod) -> QuotientPeriod:
    return QuotientPeriod(
        valid_from=_day(message.valid_from),
        valid_to=_day(message.valid_to) if message.HasField("valid_to") else None,
        amount_cents=message.amount_cents,
    )


def _day(message: Date) -> date:
    return date(message.year, message.month, message.day)
