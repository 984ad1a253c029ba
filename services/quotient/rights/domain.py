"""What a caisse tells a person of herself, and what it erases when she asks (art. 6-3, RGPD art. 15 and 17)."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from enum import IntEnum
from typing import NamedTuple
from uuid import UUID

from services.kit.case_reference import read_case_reference
from services.kit.errors import FieldViolation, InvalidField
from services.quotient.dossiers.domain import Coordonnees, QuotientPeriod
from services.quotient.dossiers.publications import PublicationKind
from services.quotient.oppositions.domain import Opposition

_NANOSECONDS_PER_MICROSECOND = 1000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NEVER = datetime.max.replace(tzinfo=UTC)


class Known(NamedTuple):
    """The instants at which something was known: from the first one on and before the last; without a last, still."""

    since: datetime
    until: datetime | None

    @property
    def end(self) -> datetime:
        """`until`, or later than anything."""
        return self.until or _NEVER

    def holds(self, instant: datetime) -> bool:
        """Whether it was known at `instant`."""
        return self.since <= instant < self.end

    def meets(self, holding: "Known") -> bool:
        """Whether it was known, or became so, within `holding`."""
        return self.since < holding.end and (holding.since < self.end or holding.since <= self.since)


@dataclass(frozen=True)
class Origin:
    """The publication of the file that brought a QF."""

    publication_id: UUID
    kind: PublicationKind
    reference: str = field(repr=False)


@dataclass(frozen=True, repr=False)
class KnownPeriod:
    """A QF in two times; without `origin`, it came with no file."""

    period: QuotientPeriod
    known: Known
    origin: Origin | None = None


class Holding(NamedTuple):
    """That a person held a dossier, and when that was known."""

    person_id: UUID
    known: Known


@dataclass(frozen=True, repr=False)
class Dossier:
    """A dossier as it is kept: all QFs it ever had, and whoever ever held it. Erased coordonnées are None."""

    dossier_id: UUID
    numero: str
    coordonnees: Coordonnees | None
    closed_from: date | None
    holdings: Sequence[Holding]
    periods: Sequence[KnownPeriod]

    def is_open(self, today: date) -> bool:
        """Whether it is not closed (radié) yet."""
        return self.closed_from is None or today < self.closed_from

    def is_of_another(self, person_id: UUID) -> bool:
        """Whether somebody else holds it, or held it after that person did: its coordonnées are theirs as well."""
        own = [known.end for holder, known in self.holdings if holder == person_id]
        others = [known.end for holder, known in self.holdings if holder != person_id]
        return bool(others) and (max(others) == _NEVER or max(others) > max(own, default=_EPOCH))


@dataclass(frozen=True, repr=False)
class HeldDossier:
    """What a person is told of a dossier that she holds or held; never what became known of others after her."""

    numero: str
    coordonnees: Coordonnees | None
    held: Known
    closed_from: date | None
    periods: Sequence[KnownPeriod]


class KeptKind(IntEnum):
    """What stays after an erasure, each for a reason of its own; numbered as in the protos."""

    # The caisse needs it for its task (RGPD art. 17(3)(b)).
    OPEN_DOSSIER = 1
    # It is somebody else's as well, who did not ask (RGPD art. 15(4)).
    SHARED_DOSSIER = 2
    # The proof of who looked (RGPD art. 5(2), 17(3)(e)).
    JOURNAL_LINE = 3
    # Without it the objection would not hold (RGPD art. 21).
    OPPOSITION = 4


@dataclass(frozen=True)
class KeptData:
    """What stays, and how much of it."""

    kind: KeptKind
    count: int


@dataclass(frozen=True)
class Erasure:
    """One erasure: dossiers that are gone, and QFs in all their versions."""

    erasure_id: UUID
    erase_time: datetime
    reference: str = field(repr=False)
    dossier_count: int
    period_count: int


@dataclass(frozen=True)
class Erased:
    """What an erasure did, and what stays."""

    erasure: Erasure
    kept: Sequence[KeptData]


@dataclass(frozen=True, repr=False)
class PersonRecord:
    """What a caisse keeps of a person; the newest opposition and the newest erasure first."""

    dossiers: Sequence[HeldDossier]
    oppositions: Sequence[Opposition]
    erasures: Sequence[Erasure]


def held_dossiers(
    dossiers: Collection[Dossier], person_id: UUID, known_at: datetime | None
) -> Sequence[HeldDossier]:
    """What the person is told of `dossiers`: the one she holds first, then the newest first.

    With `known_at`, what was known at that instant, without what became of it since.
    """
    told = [each for dossier in dossiers for each in _told(dossier, person_id, known_at)]
    return sorted(told, key=lambda each: (each.held.until is None, each.held.since), reverse=True)


def oppositions_at(oppositions: Sequence[Opposition], known_at: datetime | None) -> Sequence[Opposition]:
    """The oppositions that were known at that instant; one that was withdrawn later stood then."""
    if known_at is None:
        return oppositions
    return [
        replace(each, withdraw_time=None, withdrawal=None)
        if each.withdraw_time is not None and known_at < each.withdraw_time
        else each
        for each in oppositions
        if each.record_time <= known_at
    ]


def erasures_at(erasures: Sequence[Erasure], known_at: datetime | None) -> Sequence[Erasure]:
    """The erasures that were done by that instant."""
    return [each for each in erasures if known_at is None or each.erase_time <= known_at]


def kept_because(dossier: Dossier, person_id: UUID, today: date) -> KeptKind | None:
    """Why a dossier stays when the person asks for erasure; None where it may go (RGPD art. 17)."""
    if dossier.is_open(today):
        return KeptKind.OPEN_DOSSIER
    if dossier.is_of_another(person_id):
        return KeptKind.SHARED_DOSSIER
    return None


def kept_data(counts: dict[KeptKind, int]) -> Sequence[KeptData]:
    """What there is any of, in the order of the kinds."""
    return [KeptData(kind, counts[kind]) for kind in KeptKind if counts.get(kind)]


def read_request_reference(text: str) -> str:
    """The reference of a person's request: by it the caisse proves what it was asked. Raises InvalidField."""
    if not text:
        raise InvalidField(FieldViolation("reference", "REQUIRED", "names the request of the person"))
    return read_case_reference(text, "reference")


def read_instant(field_name: str, seconds: int, nanoseconds: int) -> datetime:
    """An instant in a request, to the microsecond. Raises InvalidField naming `field_name`."""
    try:
        return _EPOCH + timedelta(seconds=seconds, microseconds=nanoseconds // _NANOSECONDS_PER_MICROSECOND)
    except OverflowError:
        raise InvalidField(
            FieldViolation(field_name, "INSTANT_RANGE", "lies between the years 1 and 9999")
        ) from None


def _told(dossier: Dossier, person_id: UUID, known_at: datetime | None) -> Iterator[HeldDossier]:
    coordonnees = None if dossier.is_of_another(person_id) else dossier.coordonnees
    for held in (known for holder, known in dossier.holdings if holder == person_id):
        if known_at is not None and not held.holds(known_at):
            continue
        yield HeldDossier(
            dossier.numero,
            coordonnees,
            held if known_at is None else Known(held.since, None),
            dossier.closed_from,
            _periods_within(held, dossier.periods, known_at),
        )


def _periods_within(
    held: Known, periods: Sequence[KnownPeriod], known_at: datetime | None
) -> Sequence[KnownPeriod]:
    if known_at is None:
        told = [each for each in periods if each.known.meets(held)]
    else:
        told = [
            replace(each, known=Known(each.known.since, None))
            for each in periods
            if each.known.holds(known_at)
        ]
    return sorted(told, key=lambda each: (each.period.valid_from, each.known.since))
