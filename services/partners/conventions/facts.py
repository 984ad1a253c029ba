"""What can happen to a convention (art. 2, 6-1, 9, 10). Days are those of Europe/Paris.

A fact is recorded once and never altered; one recorded by mistake is annulled by another fact.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID


class Party(StrEnum):
    """A party to the convention; nobody else can act on it (art. 9-2)."""

    CAISSE = "CAISSE"
    PARTNER = "PARTNER"


class AttestationKind(StrEnum):
    """What became of the data (art. 6-1)."""

    RETURN = "RETURN"
    DESTRUCTION = "DESTRUCTION"


@dataclass(frozen=True)
class Signature:
    """A party signed (art. 9-1)."""

    kind: ClassVar[str] = "SIGNATURE"
    party: Party
    signature_date: date


@dataclass(frozen=True)
class CnilDeclaration:
    """The CNIL declaration was transmitted (art. 9-1); a later one corrects an earlier one."""

    kind: ClassVar[str] = "CNIL_DECLARATION"
    transmission_date: date


@dataclass(frozen=True)
class Denunciation:
    """A registered letter of denunciation was received by the other party (art. 9-2)."""

    kind: ClassVar[str] = "DENUNCIATION"
    party: Party
    receipt_date: date
    letter_reference: str = ""


@dataclass(frozen=True)
class FormalNotice:
    """A formal notice of a breach was received by the other party (art. 9-2)."""

    kind: ClassVar[str] = "FORMAL_NOTICE"
    party: Party
    receipt_date: date
    letter_reference: str = ""


@dataclass(frozen=True)
class Cure:
    """The breach of a formal notice was cured in time (art. 9-2)."""

    kind: ClassVar[str] = "CURE"
    formal_notice_id: UUID
    cure_date: date


@dataclass(frozen=True)
class ForceMajeureNotification:
    """A party notified force majeure (art. 10)."""

    kind: ClassVar[str] = "FORCE_MAJEURE_NOTIFICATION"
    party: Party
    notification_date: date


@dataclass(frozen=True)
class ForceMajeureEnd:
    """The force majeure is over (art. 10)."""

    kind: ClassVar[str] = "FORCE_MAJEURE_END"
    over_date: date


@dataclass(frozen=True)
class ForceMajeureTermination:
    """A party ended the convention for force majeure of over thirty days (art. 10)."""

    kind: ClassVar[str] = "FORCE_MAJEURE_TERMINATION"
    party: Party
    termination_date: date


@dataclass(frozen=True)
class AgreedEnd:
    """Both parties agreed on the first day without effect (Code civil, art. 1193)."""

    kind: ClassVar[str] = "AGREED_END"
    end_date: date


@dataclass(frozen=True)
class Amendment:
    """An avenant, signed by both parties (art. 2)."""

    kind: ClassVar[str] = "AMENDMENT"
    number: int
    subject: str
    caisse_signature_date: date
    partner_signature_date: date
    scan_sha256: str = ""

    @property
    def effect_date(self) -> date:
        """When the second of both parties signed it."""
        return max(self.caisse_signature_date, self.partner_signature_date)


@dataclass(frozen=True)
class AnnexVersion:
    """A new version of an annexe, which needs no amendment (art. 2)."""

    kind: ClassVar[str] = "ANNEX_VERSION"
    annex: int
    version: int
    effective_date: date
    scan_sha256: str = ""


@dataclass(frozen=True)
class ProviderDeclaration:
    """The partner has a provider who may see data (art. 6-1)."""

    kind: ClassVar[str] = "PROVIDER_DECLARATION"
    provider_name: str
    since_date: date


@dataclass(frozen=True)
class ProviderUndertaking:
    """A provider's confidentiality undertaking was received (art. 6-1)."""

    kind: ClassVar[str] = "PROVIDER_UNDERTAKING"
    provider_id: UUID
    receipt_date: date
    reference: str = ""


@dataclass(frozen=True)
class ProviderDeparture:
    """A provider works for the partner no more."""

    kind: ClassVar[str] = "PROVIDER_DEPARTURE"
    provider_id: UUID
    departure_date: date


@dataclass(frozen=True)
class Attestation:
    """The attestation of return or destruction was received (art. 6-1)."""

    kind: ClassVar[str] = "ATTESTATION"
    attestation_kind: AttestationKind
    receipt_date: date
    reference: str = ""


@dataclass(frozen=True)
class Annulment:
    """An earlier fact was recorded by mistake."""

    kind: ClassVar[str] = "ANNULMENT"
    annulled_fact_id: UUID


Fact = (
    Signature
    | CnilDeclaration
    | Denunciation
    | FormalNotice
    | Cure
    | ForceMajeureNotification
    | ForceMajeureEnd
    | ForceMajeureTermination
    | AgreedEnd
    | Amendment
    | AnnexVersion
    | ProviderDeclaration
    | ProviderUndertaking
    | ProviderDeparture
    | Attestation
    | Annulment
)


@dataclass(frozen=True)
class RecordedFact:
    """A fact, and when it was recorded."""

    fact_id: UUID
    record_time: datetime
    fact: Fact
