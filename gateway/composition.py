"""The policy service, put together: the three services → their clients → use cases → handlers."""

from collections.abc import Callable
from typing import Any

import grpc

from gateway.admission import Admission
from gateway.clients import IdentityClient, PartnersClient, QuotientClient
from gateway.config import GatewaySettings
from gateway.handler import QuotientHandler, SessionHandler
from gateway.hours import OpeningHours
from gateway.oppositions.client import OppositionClient
from gateway.oppositions.handler import OppositionHandler
from gateway.oppositions.service import PartnerOppositions
from gateway.problems import explain
from gateway.reply import ReplyInterceptor
from gateway.review.client import JournalClient, UserClient
from gateway.review.handler import ConsultationHandler
from gateway.review.service import Review
from gateway.second_factor.client import SecondFactorClient
from gateway.second_factor.handler import SecondFactorHandler
from gateway.second_factor.service import SecondFactors
from gateway.service import Consultations, Sessions, UseObserver
from gateway.status.client import CaisseClient
from gateway.status.handler import StatusHandler
from gateway.status.service import StatusService
from msa.gateway.v1.consultation_service_pb2_grpc import add_ConsultationServiceServicer_to_server
from msa.gateway.v1.opposition_service_pb2_grpc import add_OppositionServiceServicer_to_server
from msa.gateway.v1.quotient_service_pb2_grpc import add_QuotientServiceServicer_to_server
from msa.gateway.v1.second_factor_service_pb2_grpc import add_SecondFactorServiceServicer_to_server
from msa.gateway.v1.session_service_pb2_grpc import add_SessionServiceServicer_to_server
from msa.gateway.v1.status_service_pb2_grpc import add_StatusServiceServicer_to_server
from services.kit.client import Upstream
from services.kit.clock import Clock
from services.kit.server import Face

# What adds a handler to a server, the handler, and the service's full name.
Served = tuple[Callable[[Any, grpc.aio.Server], None], object, str]


def face() -> Face:
    """What the policy service says beside its messages."""
    return Face(explain=explain, innermost=[ReplyInterceptor()])


def public_services(
    settings: GatewaySettings,
    clock: Clock,
    identity: Upstream,
    partners: Upstream,
    quotient: Upstream,
    use: UseObserver,
) -> list[Served]:
    """Everything that partners may call."""
    hours = OpeningHours(clock, always_open=settings.hours.always_open)
    sign_in_timeout_seconds = settings.sign_in_timeout_seconds
    sessions = IdentityClient(identity, sign_in_timeout_seconds)
    admission = Admission(
        clock, hours, sessions, PartnersClient(partners), settings.consultation_budget_seconds
    )
    consultations = Consultations(clock, admission, QuotientClient(quotient), use)
    factors = SecondFactors(hours, SecondFactorClient(identity, sign_in_timeout_seconds))
    oppositions = PartnerOppositions(clock, admission, OppositionClient(quotient))
    review = Review(admission, JournalClient(quotient), UserClient(partners))
    status = StatusService(clock, hours, CaisseClient(partners))
    return [
        (add_SessionServiceServicer_to_server, SessionHandler(Sessions(hours, sessions)), "SessionService"),
        (add_SecondFactorServiceServicer_to_server, SecondFactorHandler(factors), "SecondFactorService"),
        (add_QuotientServiceServicer_to_server, QuotientHandler(consultations), "QuotientService"),
        (add_OppositionServiceServicer_to_server, OppositionHandler(oppositions), "OppositionService"),
        (add_ConsultationServiceServicer_to_server, ConsultationHandler(review), "ConsultationService"),
        (add_StatusServiceServicer_to_server, StatusHandler(status), "StatusService"),
    ]
