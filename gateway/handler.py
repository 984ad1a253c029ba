"""`msa.gateway.v1`: protobuf ↔ domain."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

from gateway.domain import (
    Coordonnees,
    Disclosure,
    Dossier,
    OpenedSession,
    Query,
    QuotientPeriod,
    SignedIn,
)
from gateway.metadata import ReplyNotice, client_context, session_token
from gateway.problems import french_detail, french_violations, retry_after_seconds
from gateway.reply import send_headers
from gateway.service import Consultations, Sessions, Unanswered
from msa.gateway.v1 import quotient_service_pb2 as quotient_pb
from msa.gateway.v1 import session_service_pb2 as session_pb
from msa.gateway.v1.quotient_service_pb2_grpc import QuotientServiceServicer
from msa.gateway.v1.session_service_pb2_grpc import SessionServiceServicer
from services.kit.errors import Reason
from services.kit.messages import to_duration, to_timestamp
from services.kit.redaction import OneTimeCode, Password
from services.kit.status import reason_in, status_for_caller


class SessionHandler(SessionServiceServicer):
    """Sessions (art. 4-3, 7-1)."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def SignIn(self, request: session_pb.SignInRequest, context: Any) -> session_pb.SignInResponse:
        """See the proto."""
        signed_in = await self._sessions.sign_in(
            request.login,
            Password(request.password),
            OneTimeCode(request.one_time_code),
            client_context(context, request.device_token),
        )
        return _sign_in_response(signed_in)

    async def ChangePassword(
        self, request: session_pb.ChangePasswordRequest, context: Any
    ) -> session_pb.ChangePasswordResponse:
        """See the proto."""
        opened = await self._sessions.change_password(
            session_token(context),
            Password(request.current_password),
            Password(request.new_password),
            client_context(context),
        )
        return session_pb.ChangePasswordResponse(
            **session_fields(opened),
            second_factor_enrolment_required=opened.second_factor_enrolment_required,
        )

    async def GetSession(
        self, request: session_pb.GetSessionRequest, context: Any
    ) -> session_pb.GetSessionResponse:
        """See the proto."""
        state = await self._sessions.get_session(session_token(context))
        return session_pb.GetSessionResponse(
            password_change_required=state.password_change_required,
            second_factor_enrolment_required=state.second_factor_enrolment_required,
            idle_timeout=to_duration(state.idle_timeout),
            idle_expire_time=to_timestamp(state.idle_expire_time),
            expire_time=to_timestamp(state.expire_time),
            remaining=to_duration(state.remaining),
            expiring_soon=state.expiring_soon,
            previous_sign_in_time=to_timestamp(state.previous_sign_in_time),
        )

    async def SignOut(self, request: session_pb.SignOutRequest, context: Any) -> session_pb.SignOutResponse:
        """See the proto."""
        await self._sessions.sign_out(session_token(context), client_context(context))
        return session_pb.SignOutResponse()


class QuotientHandler(QuotientServiceServicer):
    """Consultation of the quotient familial (art. 3)."""

    def __init__(self, consultations: Consultations) -> None:
        self._consultations = consultations

    async def ConsultQuotient(
        self, request: quotient_pb.ConsultQuotientRequest, context: Any
    ) -> quotient_pb.ConsultQuotientResponse:
        """See the proto."""
        disclosure = await self._consultations.consult(
            session_token(context), client_context(context), ReplyNotice(), _query(request)
        )
        return _consult_response(disclosure)

    async def ConsultQuotients(
        self, request: quotient_pb.ConsultQuotientsRequest, context: Any
    ) -> AsyncIterator[quotient_pb.ConsultQuotientsResponse]:
        """See the proto. The headers leave once the call is admitted, ahead of the first answer."""
        answers = self._consultations.consult_many(
            session_token(context), client_context(context), ReplyNotice(), list(map(_query, request.queries))
        )
        position = 0
        async for answer in answers:
            if position == 0:
                await send_headers(context)
            yield _answer(position, answer)
            position += 1


def session_fields(opened: OpenedSession) -> dict[str, Any]:
    """The fields of every response that opens a session."""
    return {
        "session_token": opened.session_token.reveal(),
        "idle_timeout": to_duration(opened.idle_timeout),
        "expire_time": to_timestamp(opened.expire_time),
    }


def _sign_in_response(signed_in: SignedIn) -> session_pb.SignInResponse:
    return session_pb.SignInResponse(
        **session_fields(signed_in.session),
        second_factor_enrolment_required=signed_in.session.second_factor_enrolment_required,
        password_change_required=signed_in.password_change_required,
        previous_sign_in_time=to_timestamp(signed_in.previous_sign_in_time),
        earlier_session_ended=signed_in.earlier_session_ended,
        password_renewal_advised=signed_in.password_renewal_advised,
        device_token=signed_in.device_token.reveal(),
        refused_sign_in_count=signed_in.refused_sign_in_count,
    )


def _query(request: quotient_pb.ConsultQuotientRequest | quotient_pb.QuotientQuery) -> Query:
    return Query(
        nir=request.nir,
        month=request.month,
        purpose=request.purpose,
        purpose_text=request.purpose_text,
        case_reference=request.case_reference,
    )


def _answer(position: int, answer: Disclosure | Unanswered) -> quotient_pb.ConsultQuotientsResponse:
    if isinstance(answer, Disclosure):
        shown = _consult_response(answer)
        return quotient_pb.ConsultQuotientsResponse(position=position, consultation=shown)
    return quotient_pb.ConsultQuotientsResponse(position=position, error=_query_error(answer))


def _query_error(answer: Unanswered) -> quotient_pb.QueryError:
    status = status_for_caller(answer.error)
    seconds = retry_after_seconds(status)
    return quotient_pb.QueryError(
        reason=reason_in(status) or Reason.INTERNAL,
        detail=french_detail(status),
        violations=[
            quotient_pb.FieldViolation(field=field, rule=rule, detail=detail)
            for field, rule, detail in french_violations(status)
        ],
        retry_delay=None if seconds is None else to_duration(timedelta(seconds=seconds)),
    )


def _consult_response(disclosure: Disclosure) -> quotient_pb.ConsultQuotientResponse:
    return quotient_pb.ConsultQuotientResponse(
        outcome=quotient_pb.Outcome.ValueType(disclosure.outcome),
        consultation_id=disclosure.consultation_id,
        dossier=_dossier(disclosure.dossier) if disclosure.dossier else None,
        periods=[_period(period) for period in disclosure.periods],
    )


def _dossier(dossier: Dossier) -> quotient_pb.Dossier:
    return quotient_pb.Dossier(numero=dossier.numero, coordonnees=_coordonnees(dossier.coordonnees))


def _coordonnees(coordonnees: Coordonnees) -> quotient_pb.Coordonnees:
    return quotient_pb.Coordonnees(
        allocataires=[
            quotient_pb.Allocataire(
                nom_naissance=person.nom_naissance, nom_usage=person.nom_usage, prenoms=person.prenoms
            )
            for person in coordonnees.allocataires
        ],
        destinataire=coordonnees.destinataire,
        complement_information=coordonnees.complement_information,
        complement_information_geographique=coordonnees.complement_information_geographique,
        numero_libelle_voie=coordonnees.numero_libelle_voie,
        lieu_dit=coordonnees.lieu_dit,
        code_postal_ville=coordonnees.code_postal_ville,
        pays=coordonnees.pays,
    )


def _period(period: QuotientPeriod) -> quotient_pb.QuotientPeriod:
    return quotient_pb.QuotientPeriod(
        valid_from=period.valid_from.isoformat(),
        valid_to=period.valid_to.isoformat() if period.valid_to else "",
        amount_cents=period.amount_cents,
    )
