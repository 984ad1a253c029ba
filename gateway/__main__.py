"""The policy service behind the edge: `python -m gateway --config FILE`."""

from gateway.clients import IdentityClient, PartnersClient, QuotientClient
from gateway.config import GatewaySettings
from gateway.handler import QuotientHandler, SessionHandler, StatusHandler
from gateway.hours import OpeningHours
from gateway.service import Consultations, Sessions
from msa.gateway.v1.quotient_service_pb2_grpc import add_QuotientServiceServicer_to_server
from msa.gateway.v1.session_service_pb2_grpc import add_SessionServiceServicer_to_server
from msa.gateway.v1.status_service_pb2_grpc import add_StatusServiceServicer_to_server
from services.kit.client import open_upstream
from services.kit.clock import SystemClock
from services.kit.server import Server, main


async def compose(settings: GatewaySettings, server: Server) -> None:
    """The three services → their clients → use cases → handlers."""
    at, clock = settings.services, SystemClock()
    upstreams = [
        await server.enter(open_upstream(name, upstream, settings.tls))
        for name, upstream in (
            ("identity", at.identity),
            ("partners", at.partners),
            ("quotient", at.quotient),
        )
    ]
    identity = IdentityClient(upstreams[0], settings.sign_in_timeout_seconds)
    partners, quotient = PartnersClient(upstreams[1]), QuotientClient(upstreams[2])
    hours = OpeningHours(clock, always_open=settings.hours.always_open)
    consultations = Consultations(
        clock, hours, identity, partners, quotient, settings.consultation_budget_seconds
    )
    package = "msa.gateway.v1"
    server.serve(
        add_SessionServiceServicer_to_server,
        SessionHandler(Sessions(hours, identity)),
        f"{package}.SessionService",
    )
    server.serve(
        add_QuotientServiceServicer_to_server, QuotientHandler(consultations), f"{package}.QuotientService"
    )
    server.serve(add_StatusServiceServicer_to_server, StatusHandler(hours), f"{package}.StatusService")


if __name__ == "__main__":
    main("gateway", GatewaySettings, {}, compose)
