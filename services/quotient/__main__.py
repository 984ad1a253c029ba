"""Runs quotient: `python -m services.quotient --config FILE`."""

from msa.quotient.v1.disclosure_service_pb2_grpc import add_DisclosureServiceServicer_to_server
from msa.quotient.v1.dossier_service_pb2_grpc import add_DossierServiceServicer_to_server
from msa.quotient.v1.opposition_service_pb2_grpc import add_OppositionServiceServicer_to_server
from services.kit.clock import SystemClock
from services.kit.config import read_key
from services.kit.database import open_database, require_schema
from services.kit.server import Server, main
from services.quotient.access import ACCESS
from services.quotient.config import QuotientSettings
from services.quotient.disclosures.handler import DisclosureHandler
from services.quotient.disclosures.service import DisclosureService
from services.quotient.disclosures.store import DisclosureStore
from services.quotient.dossiers.handler import DossierHandler
from services.quotient.dossiers.service import DossierService
from services.quotient.dossiers.store import DossierStore
from services.quotient.oppositions.handler import OppositionHandler
from services.quotient.oppositions.service import OppositionService
from services.quotient.oppositions.store import OppositionStore
from services.quotient.secrecy import PersonIndexer, Vault


async def compose(settings: QuotientSettings, server: Server) -> None:
    """Puts the server together."""
    indexer = PersonIndexer(read_key(settings.keys.person_index_key_file))
    vault, clock = Vault(read_key(settings.keys.data_key_file)), SystemClock()
    database = await server.enter(open_database(settings.database))
    await require_schema(database, "0003")
    dossiers = DossierHandler(DossierService(DossierStore(database), indexer, vault, clock))
    oppositions = OppositionHandler(OppositionService(OppositionStore(database), indexer, clock))
    disclosures = DisclosureHandler(DisclosureService(DisclosureStore(database), indexer, vault, clock))
    server.serve(add_DossierServiceServicer_to_server, dossiers, "msa.quotient.v1.DossierService")
    server.serve(add_OppositionServiceServicer_to_server, oppositions, "msa.quotient.v1.OppositionService")
    server.serve(add_DisclosureServiceServicer_to_server, disclosures, "msa.quotient.v1.DisclosureService")


if __name__ == "__main__":
    main("quotient", QuotientSettings, ACCESS, compose)
