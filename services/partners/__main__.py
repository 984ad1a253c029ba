"""Runs partners: `python -m services.partners --config FILE`."""

from msa.partners.v1.convention_service_pb2_grpc import add_ConventionServiceServicer_to_server
from msa.partners.v1.habilitation_service_pb2_grpc import add_HabilitationServiceServicer_to_server
from msa.partners.v1.partner_service_pb2_grpc import add_CaisseServiceServicer_to_server as add_caisses
from msa.partners.v1.partner_service_pb2_grpc import add_PartnerServiceServicer_to_server as add_partners
from services.kit.clock import SystemClock
from services.kit.database import open_database, require_schema
from services.kit.server import Server, main
from services.partners.access import ACCESS
from services.partners.caisses import load_caisses
from services.partners.config import PartnersSettings
from services.partners.conventions.handler import ConventionHandler
from services.partners.conventions.service import ConventionService
from services.partners.conventions.store import ConventionStore
from services.partners.habilitations.handler import HabilitationHandler
from services.partners.habilitations.service import HabilitationService
from services.partners.habilitations.store import HabilitationStore
from services.partners.partners.handler import CaisseHandler, PartnerHandler
from services.partners.partners.service import PartnerService
from services.partners.partners.store import PartnerStore


async def compose(settings: PartnersSettings, server: Server) -> None:
    """Puts the server together."""
    database = await server.enter(open_database(settings.database))
    await require_schema(database, "0001")
    partners, conventions = PartnerStore(database), ConventionStore(database)
    caisses, clock, serve = load_caisses(), SystemClock(), server.serve
    partner = PartnerHandler(PartnerService(partners, caisses, clock))
    convention = ConventionHandler(ConventionService(conventions, partners, clock))
    habilitation = HabilitationHandler(HabilitationService(HabilitationStore(database), conventions, clock))
    serve(add_caisses, CaisseHandler(caisses), "msa.partners.v1.CaisseService")
    serve(add_partners, partner, "msa.partners.v1.PartnerService")
    serve(add_ConventionServiceServicer_to_server, convention, "msa.partners.v1.ConventionService")
    serve(add_HabilitationServiceServicer_to_server, habilitation, "msa.partners.v1.HabilitationService")


if __name__ == "__main__":
    main("partners", PartnersSettings, ACCESS, compose)
