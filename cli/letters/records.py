"""What is on each letter. An empty text, or an absent day, is a blank to fill in by hand.

Confidential fields stay out of every `repr` (N5).
"""

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import ClassVar

from services.kit.redaction import Password


@dataclass(frozen=True)
class CaisseIdentity:
    """The caisse as its letterhead shows it, and who signs for it."""

    name: str
    address_lines: tuple[str, ...] = ()
    city: str = ""
    director_name: str = ""
    director_function: str = ""
    contact: str = ""


@dataclass(frozen=True)
class PartnerIdentity:
    """The partner as on the convention: dénomination, numéro de tiers, seat, representative and his function."""

    denomination: str
    numero_tiers: str
    seat_lines: tuple[str, ...] = ()
    representative: str = field(default="", repr=False)
    representative_function: str = ""


@dataclass(frozen=True)
class LetterUser:
    """A partner's named user (art. 4-1)."""

    nom: str = field(repr=False)
    prenom: str = field(repr=False)


class DenouncingParty(StrEnum):
    """Who denounced the convention (art. 9-2)."""

    CAISSE = "caisse"
    PARTNER = "partner"


class SuspensionEnd(StrEnum):
    """How a suspension ends (art. 7-2)."""

    ON_A_DAY = "on-a-day"
    WHEN_LIFTED = "when-lifted"
    NEVER = "never"


@dataclass(frozen=True)
class HabilitationLetter:
    """The notification d'habilitation (art. 4-2): one user, his bouquet in words and his login, never his password.

    `lapse_date` is the first day without the habilitation unless the partner confirms the user before.
    """

    template: ClassVar[str] = "habilitation"
    written_date: date
    caisse: CaisseIdentity
    partner: PartnerIdentity
    user: LetterUser
    login: str = field(repr=False)
    habilitation_id: str
    bouquet: str
    habilitation_date: date
    lapse_date: date | None = None


@dataclass(frozen=True)
class PasswordLetter:
    """The sealed letter with the temporary password (art. 4-3), never with the login.

    On `expire_date` the password stops working.
    """

    template: ClassVar[str] = "password"
    written_date: date
    caisse: CaisseIdentity
    partner: PartnerIdentity
    user: LetterUser
    password: Password
    expire_date: date


@dataclass(frozen=True)
class ConventionLetter:
    """The convention with its annexes, ready to be signed."""

    template: ClassVar[str] = "convention"
    written_date: date
    caisse: CaisseIdentity
    partner: PartnerIdentity


@dataclass(frozen=True)
class DenunciationLetter:
    """The acknowledgement of a denunciation, and what is due at the end (art. 6-1, 9-2).

    `missed_term_date` is the term that the denunciation came too late for, absent where it was in time. `last_date`
    is the last day in force, `end_date` the day after. `registered_letter` is the number of the letter of denunciation.
    """

    template: ClassVar[str] = "denunciation"
    written_date: date
    caisse: CaisseIdentity
    partner: PartnerIdentity
    convention_id: str
    signature_date: date
    denounced_by: DenouncingParty
    registered_letter: str
    receipt_date: date
    missed_term_date: date | None
    last_date: date
    end_date: date
    secrecy_end_date: date


@dataclass(frozen=True)
class SuspensionLetter:
    """The notification of a suspension (art. 7-2), of one user or, where `user` is absent, of the partner.

    `until_date` is the first day with access again.
    """

    template: ClassVar[str] = "suspension"
    written_date: date
    caisse: CaisseIdentity
    partner: PartnerIdentity
    user: LetterUser | None
    reference: str
    ends: SuspensionEnd
    since_date: date
    until_date: date | None
    reason: str


@dataclass(frozen=True, repr=False)
class ConsultationEntry:
    """A consultation on the statement: when, by which partner, why, and what it showed, in words."""

    moment: str
    partner: str
    purpose: str
    case_reference: str
    month: str
    shown_lines: tuple[str, ...]
    shows_quotient: bool


@dataclass(frozen=True, repr=False)
class QuotientEntry:
    """A QF on the statement, with the time in which it was known and what brought it, in words."""

    validity: str
    amount: str
    known: str
    origin: str
    is_current: bool


@dataclass(frozen=True, repr=False)
class DossierEntry:
    """A dossier on the statement; without `address_lines`, its coordonnées are not told."""

    numero: str
    held: str
    closed_date: date | None
    allocataires: tuple[str, ...]
    address_lines: tuple[str, ...]
    quotients: tuple[QuotientEntry, ...]


@dataclass(frozen=True, repr=False)
class OppositionEntry:
    """An opposition on the statement, with its history in words."""

    scope: str
    recorded: str
    withdrawn: str


@dataclass(frozen=True)
class StatementLetter:
    """The answer to a person who asks what is kept of her and who saw it (art. 6-3, RGPD art. 15).

    `recipient_lines` are the address of the dossier that she holds; without one, blanks.
    """

    template: ClassVar[str] = "statement"
    written_date: date
    caisse: CaisseIdentity
    recipient_lines: tuple[str, ...] = field(repr=False)
    numero_dossier: str = field(repr=False)
    moment: str
    consultations: tuple[ConsultationEntry, ...] = field(repr=False)
    dossiers: tuple[DossierEntry, ...] = field(repr=False)
    oppositions: tuple[OppositionEntry, ...] = field(repr=False)
    erasures: tuple[str, ...] = field(repr=False)
    journal_retention_months: int


@dataclass(frozen=True)
class OutcomeShare:
    """An outcome of a report: by which name the chart draws it, what it is called, how often it was met."""

    name: str
    label: str
    count: int


@dataclass(frozen=True)
class ReportRow:
    """A line of a report's table: how often each outcome of the report was met, in their order."""

    label: str
    counts: tuple[int, ...]
    total: int


@dataclass(frozen=True)
class ReportMonth:
    """A month of a report: `initials` stand beneath its bar, `row` in the table."""

    year: str
    initials: str
    row: ReportRow


@dataclass(frozen=True)
class ConsultationReport:
    """How often a caisse's QFs were consulted, to its director. Nobody stands in it.

    `gaps` says from where on lines were purged; empty: nowhere.
    """

    template: ClassVar[str] = "report"
    written_date: date
    caisse: CaisseIdentity
    period: str
    total: int
    outcomes: tuple[OutcomeShare, ...]
    months: tuple[ReportMonth, ...]
    partners: tuple[ReportRow, ...]
    purposes: tuple[ReportRow, ...]
    gaps: str


PartnerLetter = HabilitationLetter | PasswordLetter | ConventionLetter | DenunciationLetter | SuspensionLetter
Letter = PartnerLetter | StatementLetter | ConsultationReport
