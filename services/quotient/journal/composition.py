"""How the parts of the journal's evidence fit together."""

from collections.abc import Sequence

from services.kit.clock import Clock
from services.kit.config import ConfigError, read_key
from services.kit.database import Database
from services.kit.transparency.signed_note import SEED_BYTES, NoteRefused, Signer, VerifierKey
from services.quotient.config import JournalSettings
from services.quotient.journal.exporting import JournalExporter
from services.quotient.journal.handler import JournalHandler
from services.quotient.journal.sealing import Sealer
from services.quotient.journal.service import JournalService
from services.quotient.journal.store import JournalTreeStore
from services.quotient.journal.timestamping import TimestampAuthority
from services.quotient.reports.service import ReportService
from services.quotient.reports.store import ReportStore
from services.quotient.retention.service import RetentionService


def compose_journal(
    settings: JournalSettings, database: Database, retention: RetentionService, clock: Clock
) -> tuple[JournalHandler, Sealer]:
    """What answers for the journal, and what seals it: to be run every SEAL_SECONDS. Raises ConfigError."""
    store, signer = JournalTreeStore(database), _signer(settings)
    authority = TimestampAuthority(settings.timestamp_url) if settings.timestamp_url else None
    service = JournalService(store, signer.verifier_key, authority)
    reports = ReportService(ReportStore(database))
    handler = JournalHandler(service, JournalExporter(store, clock), retention, reports)
    return handler, Sealer(store, signer, clock, _former_keys(settings))


def _former_keys(settings: JournalSettings) -> Sequence[VerifierKey]:
    try:
        return [VerifierKey.parse(key) for key in settings.former_verifier_keys]
    except NoteRefused:
        raise ConfigError("journal.former_verifier_keys: holds what is no C2SP verifier key") from None


def _signer(settings: JournalSettings) -> Signer:
    seed = read_key(settings.signing_key_file, SEED_BYTES)
    try:
        return Signer(settings.origin, seed)
    except NoteRefused:
        raise ConfigError("journal.origin: has no space and no plus sign, and is not empty") from None
