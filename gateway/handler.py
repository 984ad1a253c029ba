"""`msa.gateway.v1`: protobuf ↔ domain."""

import re
from typing import Any

from grpc.aio import ServicerContext

from gateway.domain import (
    Coordonnees,
    Disclosure,
    Dossier,
    OpenedSession,
    QuotientPeriod,
    SessionRequired,
)
from gateway.hours import OpeningHours
from gateway.service import Consultations, Sessions
from msa.gateway.v1 import quotient_service_pb2 as quotient_pb
from msa.gateway.v1 import session_service_pb2 as session_pb
from msa.gateway.v1 import status_service_pb2 as status_pb
from msa.gateway.v1.quotient_service_pb2_grpc import QuotientServiceServicer
from msa.gateway.v1.session_service_pb2_grpc import SessionServiceServicer
from msa.gateway.v1.status_service_pb2_grpc import StatusServiceServicer
from services.kit.messages import to_timestamp
from services.kit.redaction import Password, SessionToken

# RFC 6750, 2.1: the scheme in any case, one token.
_BEARER = re.compile(r"bearer +([A-Za-z0-9._~+/-]+=*)", re.IGNORECASE)


class SessionHandler(SessionServiceServicer):
    """Sessions (art. 4-3, 7-1)."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def SignIn(self, request: session_pb.SignInRequest, context: Any) -> session_pb.SignInResponse:
        """See the proto."""
        opened = await self._sessions.sign_in(
            request.login, Password(request.password), request.one_time_code
        )
        return _sign_in_response(opened)

    async def ChangePassword(
        self, request: session_pb.ChangePasswordRequest, context: Any
    ) -> session_pb.ChangePasswordResponse:
        """See the proto."""
        opened = await self._sessions.change_password(
            session_token(context), Password(request.current_password), Password(request.new_password)
        )
        response = session_pb.ChangePasswordResponse(
            session_token=opened.session_token.reveal(), expire_time=to_timestamp(opened.expire_time)
        )
        response.idle_timeout.FromTimedelta(opened.idle_timeout)
        return response

    async def GetSession(
        self, request: session_pb.GetSessionRequest, context: Any
    ) -> session_pb.GetSessionResponse:
        """See the proto."""
        state = await self._sessions.get_session(session_token(context))
        response = session_pb.GetSessionResponse(
            password_change_required=state.password_change_required,
            idle_expire_time=to_timestamp(state.idle_expire_time),
            expire_time=to_timestamp(state.expire_time),
        )
        response.idle_timeout.FromTimedelta(state.idle_timeout)
        return response

    async def SignOut(self, request: session_pb.SignOutRequest, context: Any) -> session_pb.SignOutResponse:
        """See the proto."""
        await self._sessions.sign_out(session_token(context))
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
            session_token(context),
            nir=request.nir,
            month=request.month,
            purpose=request.purpose,
            case_reference=request.case_reference,
        )
        return _consult_response(disclosure)


class StatusHandler(StatusServiceServicer):
    """Whether the service is open (art. 4-6, 5)."""

    def __init__(self, hours: OpeningHours) -> None:
        self._hours = hours

    async def GetStatus(
        self, request: status_pb.GetStatusRequest, context: Any
    ) -> status_pb.GetStatusResponse:
        """See the proto."""
        state = self._hours.state()
        return status_pb.GetStatusResponse(
            state=status_pb.SERVICE_STATE_OPEN if state.is_open else status_pb.SERVICE_STATE_CLOSED,
            hours=self._hours.in_french(),
            next_change_time=to_timestamp(state.next_change_time),
        )


def session_token(context: ServicerContext[Any, Any]) -> SessionToken:
    """The token of `authorization: Bearer …` (RFC 6750). Raises SessionRequired where there is none."""
    for key, value in context.invocation_metadata() or ():
        if key == "authorization" and isinstance(value, str) and (match := _BEARER.fullmatch(value)):
            return SessionToken(match[1])
    raise SessionRequired


def _sign_in_response(opened: OpenedSession) -> session_pb.SignInResponse:
    response = session_pb.SignInResponse(
        session_token=opened.session_token.reveal(),
        password_change_required=opened.password_change_required,
        expire_time=to_timestamp(opened.expire_time),
        previous_sign_in_time=to_timestamp(opened.previous_sign_in_time),
    )
    response.idle_timeout.FromTimedelta(opened.idle_timeout)
    return response


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
