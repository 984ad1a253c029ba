"""What the records of a publication change of what is known, decided before anything is written (art. 3)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple
from uuid import UUID

from services.quotient.dossiers.domain import (
    DossierKey,
    DossierRecord,
    PublicationOutcome,
    QuotientPeriod,
)


@dataclass(frozen=True)
class KnownDossier:
    """What tells whether a record says something new of a dossier."""

    dossier_id: UUID
    data_key_id: int
    coordonnees_digest: bytes
    closed_from: date | None


@dataclass(frozen=True, repr=False)
class NewlySaid(KnownDossier):
    """A dossier that now says something else: its coordonnées in clear, to be enciphered."""

    coordonnees: bytes


class Holder(NamedTuple):
    """A person and the caisse that holds their dossier."""

    person_id: UUID
    caisse_code: str


class PeriodKey(NamedTuple):
    """What a QF of a dossier is corrected by: its first day."""

    dossier_id: UUID
    valid_from: date


@dataclass(frozen=True)
class Known:
    """What the tables say now about some dossiers, the people in their records, and who else holds those dossiers."""

    dossiers: Mapping[DossierKey, KnownDossier]
    holders: Mapping[Holder, UUID]
    periods: Mapping[PeriodKey, QuotientPeriod]


# The keyed digest of a dossier's coordonnées under a data key.
Digest = Callable[[int, UUID, bytes], bytes]


class Changes:
    """Applies records, in order, to what is known, and gathers what has to be written.

    Nothing is overwritten: what a record replaces is known no more, and what it says is known from now on.
    """

    def __init__(self, known: Known, new_id: Callable[[], UUID], digest: Digest, data_key_id: int) -> None:
        """`data_key_id`: the key under which new coordonnées are enciphered."""
        self._known = known
        self._new_id = new_id
        self._digest = digest
        self._data_key_id = data_key_id
        self._holders = dict(known.holders)
        self._periods = dict(known.periods)
        self._holders_of: dict[UUID, set[Holder]] = _grouped(known.holders)
        self._periods_of: dict[UUID, set[PeriodKey]] = {}
        for key in known.periods:
            self._periods_of.setdefault(key.dossier_id, set()).add(key)
        self._said: dict[DossierKey, NewlySaid] = {}

    @property
    def new_dossiers(self) -> Mapping[DossierKey, NewlySaid]:
        """Which dossiers are known from now on."""
        return {key: said for key, said in self._said.items() if key not in self._known.dossiers}

    @property
    def changed_dossiers(self) -> Sequence[NewlySaid]:
        """Which known dossiers say something else from now on."""
        return [said for key, said in self._said.items() if key in self._known.dossiers]

    @property
    def new_holders(self) -> Mapping[Holder, UUID]:
        """Who holds which dossier from now on."""
        return {
            holder: dossier_id
            for holder, dossier_id in self._holders.items()
            if self._known.holders.get(holder) != dossier_id
        }

    @property
    def past_holders(self) -> Sequence[Holder]:
        """Who holds what they held no more."""
        return [
            holder
            for holder, dossier_id in self._known.holders.items()
            if self._holders.get(holder) != dossier_id
        ]

    @property
    def new_periods(self) -> Mapping[PeriodKey, QuotientPeriod]:
        """Which QFs are known from now on."""
        return {
            key: period for key, period in self._periods.items() if self._known.periods.get(key) != period
        }

    @property
    def past_periods(self) -> Sequence[PeriodKey]:
        """Which QFs are known no more, or not so."""
        return [key for key, period in self._known.periods.items() if self._periods.get(key) != period]

    def apply(self, record: DossierRecord, person_ids: Sequence[UUID]) -> PublicationOutcome:
        """What `record`, of `person_ids`, does: CREATED, UPDATED or UNCHANGED.

        The newest publication wins: a person who is published in another dossier of the caisse moves there,
        and an amount published again for the same first day corrects the earlier one.
        """
        before = self._said.get(record.key) or self._known.dossiers.get(record.key)
        dossier_id = before.dossier_id if before else self._new_id()
        changes = [
            self._say(record, dossier_id, before),
            self._hold(record, dossier_id, [Holder(each, record.key.caisse_code) for each in person_ids]),
            self._value(record, dossier_id),
        ]
        if before is None:
            return PublicationOutcome.CREATED
        return PublicationOutcome.UPDATED if any(changes) else PublicationOutcome.UNCHANGED

    def _say(self, record: DossierRecord, dossier_id: UUID, before: KnownDossier | None) -> bool:
        clear = record.coordonnees.encode()
        if before is not None and self._says(before, record, clear):
            return False
        digest = self._digest(self._data_key_id, dossier_id, clear)
        self._said[record.key] = NewlySaid(dossier_id, self._data_key_id, digest, record.closed_from, clear)
        return True

    def _says(self, before: KnownDossier, record: DossierRecord, clear: bytes) -> bool:
        digest = self._digest(before.data_key_id, before.dossier_id, clear)
        return (before.closed_from, before.coordonnees_digest) == (record.closed_from, digest)

    def _hold(self, record: DossierRecord, dossier_id: UUID, holders: Sequence[Holder]) -> bool:
        mine = self._holders_of.setdefault(dossier_id, set())
        leaving = mine - set(holders) if record.holders_complete else set()
        for holder in leaving:
            del self._holders[holder]
        mine.difference_update(leaving)
        coming = [holder for holder in holders if self._holders.get(holder) != dossier_id]
        for holder in coming:
            self._move(holder, dossier_id)
        return bool(leaving or coming)

    def _move(self, holder: Holder, dossier_id: UUID) -> None:
        if holder in self._holders:
            self._holders_of[self._holders[holder]].discard(holder)
        self._holders[holder] = dossier_id
        self._holders_of[dossier_id].add(holder)

    def _value(self, record: DossierRecord, dossier_id: UUID) -> bool:
        said = {PeriodKey(dossier_id, period.valid_from): period for period in record.periods}
        mine = self._periods_of.setdefault(dossier_id, set())
        forgotten = mine - said.keys() if record.periods_complete else set()
        for key in forgotten:
            del self._periods[key]
        new = {key: period for key, period in said.items() if self._periods.get(key) != period}
        self._periods |= new
        mine.update(new)
        mine.difference_update(forgotten)
        return bool(forgotten or new)


def _grouped(holders: Mapping[Holder, UUID]) -> dict[UUID, set[Holder]]:
    groups: dict[UUID, set[Holder]] = {}
    for holder, dossier_id in holders.items():
        groups.setdefault(dossier_id, set()).add(holder)
    return groups
