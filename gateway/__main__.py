"""The policy service behind the edge: `python -m gateway --config FILE`."""

from gateway.clients import IdentityClient, PartnersClient, QuotientClient
from gateway.config import GatewaySettings
from gateway.handler import QuotientHandler, SessionHandler, StatusHandler
from gateway.hours import OpeningHours
from gateway.second_factor.client import SecondFactorClient
from gateway.second_factor.handler import SecondFactorHandler
from gateway.second_factor.service import SecondFactors
from gateway.service import Consultations, Sessions
from msa.gateway.v1.quotient_service_pb2_grpc import add_QuotientServiceServicer_to_server
from msa.gateway.v1.second_factor_service_pb2_grpc import add_SecondFactorServiceServicer_to_server
from msa.gateway.v1.session_service_pb2_grpc import add_SessionServiceServicer_to_server
from msa.gateway.v1.status_service_pb2_grpc import add_StatusServiceServicer_to_server
from services.kit.client import open_upstream
from services.kit.clock import SystemClock
from services.kit.server import Server, main


async def compose(settings: GatewaySettings, server: Server) -> None:
    """The three services → their clients → use cases → handlers."""
    upstreams = [await server.enter(open_upstream(name, at, settings.tls)) for name, at in settings.services]
    identity = IdentityClient(upstreams[0], settings.sign_in_timeout_seconds)
    second_factor = SecondFactorClient(upstreams[0], settings.sign_in_timeout_seconds)
    partners, quotient = PartnersClient(upstreams[1]), QuotientClient(upstreams[2])
    clock, budget_seconds = SystemClock(), settings.consultation_budget_seconds
    hours = OpeningHours(clock, always_open=settings.hours.always_open)
    consultations = Consultations(clock, hours, identity, partners, quotient, budget_seconds)
    sessions, factors = Sessions(hours, identity), SecondFactors(hours, second_factor)
    for add, handler, name in (
        (add_SessionServiceServicer_to_server, SessionHandler(sessions), "SessionService"),
        (add_SecondFactorServiceServicer_to_server, SecondFactorHandler(factors), "SecondFactorService"),
        (add_QuotientServiceServicer_to_server, QuotientHandler(consultations), "QuotientService"),
        (add_StatusServiceServicer_to_server, StatusHandler(hours), "StatusService"),
    ):
        server.serve(add, handler, f"msa.gateway.v1.{name}")


if __name__ == "__main__":
    main("gateway", GatewaySettings, {}, compose)
