"""The use cases → their handlers → the server."""

from msa.partners.v1.access_request_service_pb2_grpc import add_AccessRequestServiceServicer_to_server
from msa.partners.v1.caisse_agent_service_pb2_grpc import add_CaisseAgentServiceServicer_to_server
from msa.partners.v1.caisse_settings_service_pb2_grpc import add_CaisseSettingsServiceServicer_to_server
from msa.partners.v1.convention_service_pb2_grpc import add_ConventionServiceServicer_to_server
from msa.partners.v1.deadline_service_pb2_grpc import add_DeadlineServiceServicer_to_server
from msa.partners.v1.habilitation_service_pb2_grpc import add_HabilitationServiceServicer_to_server
from msa.partners.v1.history_service_pb2_grpc import add_HistoryServiceServicer_to_server
from msa.partners.v1.outbox_service_pb2_grpc import add_OutboxServiceServicer_to_server
from msa.partners.v1.partner_service_pb2_grpc import (
    add_CaisseServiceServicer_to_server,
    add_PartnerServiceServicer_to_server,
)
from services.kit.server import Server
from services.partners.agents.handler import CaisseAgentHandler
from services.partners.caisse_settings.handler import CaisseSettingsHandler
from services.partners.composition import Registry
from services.partners.conventions.handler import ConventionHandler
from services.partners.deadlines.handler import DeadlineHandler
from services.partners.habilitations.handler import HabilitationHandler
from services.partners.history.handler import HistoryHandler
from services.partners.outbox.handler import OutboxHandler
from services.partners.partners.handler import CaisseHandler, PartnerHandler
from services.partners.requests.handler import AccessRequestHandler


def serve_registry(server: Server, registry: Registry) -> None:
    """Adds every service of the register to the server."""
    package, requests, habilitations = "msa.partners.v1", registry.requests, registry.habilitations
    for add, handler, name in (
        (add_CaisseServiceServicer_to_server, CaisseHandler(registry.caisses), "CaisseService"),
        (
            add_CaisseAgentServiceServicer_to_server,
            CaisseAgentHandler(registry.agents),
            "CaisseAgentService",
        ),
        (
            add_CaisseSettingsServiceServicer_to_server,
            CaisseSettingsHandler(registry.caisse_settings),
            "CaisseSettingsService",
        ),
        (add_PartnerServiceServicer_to_server, PartnerHandler(registry.partners), "PartnerService"),
        (
            add_ConventionServiceServicer_to_server,
            ConventionHandler(registry.conventions),
            "ConventionService",
        ),
        (
            add_AccessRequestServiceServicer_to_server,
            AccessRequestHandler(requests, habilitations),
            "AccessRequestService",
        ),
        (
            add_HabilitationServiceServicer_to_server,
            HabilitationHandler(habilitations, requests),
            "HabilitationService",
        ),
        (add_HistoryServiceServicer_to_server, HistoryHandler(registry.history), "HistoryService"),
        (add_DeadlineServiceServicer_to_server, DeadlineHandler(registry.deadlines), "DeadlineService"),
        (add_OutboxServiceServicer_to_server, OutboxHandler(registry.outbox), "OutboxService"),
    ):
        server.serve(add, handler, f"{package}.{name}")
