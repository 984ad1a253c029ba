"""Puts quotient's server together."""

from msa.quotient.v1.disclosure_service_pb2_grpc import add_DisclosureServiceServicer_to_server
from msa.quotient.v1.dossier_service_pb2_grpc import add_DossierServiceServicer_to_server
from msa.quotient.v1.journal_service_pb2_grpc import add_JournalServiceServicer_to_server
from msa.quotient.v1.key_service_pb2_grpc import add_KeyServiceServicer_to_server
from msa.quotient.v1.opposition_service_pb2_grpc import add_OppositionServiceServicer_to_server
from msa.quotient.v1.person_service_pb2_grpc import add_PersonServiceServicer_to_server
from services.kit.clock import Clock, SystemClock
from services.kit.database import Database, open_database, require_schema
from services.kit.periodic import periodic
from services.kit.server import Server
from services.quotient.config import QuotientSettings
from services.quotient.disclosures.handler import DisclosureHandler
from services.quotient.disclosures.service import DisclosureService
from services.quotient.disclosures.store import DisclosureStore
from services.quotient.dossiers.handler import DossierHandler
from services.quotient.dossiers.service import DossierService
from services.quotient.dossiers.store import DossierStore
from services.quotient.journal.composition import compose_journal
from services.quotient.journal.sealing import SEAL_SECONDS
from services.quotient.keys.files import KeyFiles
from services.quotient.keys.handler import KeyHandler
from services.quotient.keys.keyring import Keyring
from services.quotient.keys.rewriting import Rewriter
from services.quotient.keys.service import KeyService
from services.quotient.keys.store import KeyStore
from services.quotient.oppositions.handler import OppositionHandler
from services.quotient.oppositions.service import OppositionService
from services.quotient.oppositions.store import OppositionStore
from services.quotient.retention.service import JournalKeeping, RetentionService
from services.quotient.retention.store import RetentionStore
from services.quotient.rights.handler import PersonHandler
from services.quotient.rights.service import RightsService
from services.quotient.rights.store import RightsStore

# Only how soon a replica notices that a rotation is over, or that it lacks a key file, depends on it.
_KEYS_SECONDS = 30.0
# Lines are purged within a day of their time, also when a round or two fail.
_KEEPING_SECONDS = 3600.0


async def compose(settings: QuotientSettings, server: Server) -> None:
    """Stores, then use cases, then what serves them."""
    clock = SystemClock()
    database = await server.enter(open_database(settings.database))
    await require_schema(database, "0010")
    files = KeyFiles(settings.keys.person_index_key_folder, settings.keys.wrapping_key_folder)
    key_store = KeyStore(database)
    keyring = Keyring(files, key_store, clock)
    await keyring.refresh()
    await server.enter(periodic(keyring.keep_fresh, _KEYS_SECONDS, "keep_keys_fresh"))
    retention = await keep_journal(server, database, clock)
    keys = KeyHandler(KeyService(files, key_store, Rewriter(database, clock), keyring, clock))
    dossiers = DossierHandler(DossierService(DossierStore(database), keyring, clock))
    opposition_service = OppositionService(OppositionStore(database), keyring, clock)
    oppositions = OppositionHandler(opposition_service)
    persons = PersonHandler(RightsService(RightsStore(database), opposition_service, keyring, clock))
    disclosures = DisclosureHandler(DisclosureService(DisclosureStore(database), keyring, clock))
    server.serve(add_DossierServiceServicer_to_server, dossiers, "msa.quotient.v1.DossierService")
    server.serve(add_OppositionServiceServicer_to_server, oppositions, "msa.quotient.v1.OppositionService")
    server.serve(add_DisclosureServiceServicer_to_server, disclosures, "msa.quotient.v1.DisclosureService")
    server.serve(add_PersonServiceServicer_to_server, persons, "msa.quotient.v1.PersonService")
    server.serve(add_KeyServiceServicer_to_server, keys, "msa.quotient.v1.KeyService")
    journal, sealer = compose_journal(settings.journal, database, retention, clock)
    server.serve(add_JournalServiceServicer_to_server, journal, "msa.quotient.v1.JournalService")
    await server.enter(periodic(sealer.run, SEAL_SECONDS, "seal_journal", traced=False))


async def keep_journal(server: Server, database: Database, clock: Clock) -> RetentionService:
    """Makes room for the lines of this month before anything is served, and from then on keeps the journal in order."""
    store = RetentionStore(database)
    retention = RetentionService(store)
    keeping = JournalKeeping(store, retention, clock)
    await keeping.prepare_months()
    await server.enter(periodic(keeping.run, _KEEPING_SECONDS, "keep_journal"))
    return retention
