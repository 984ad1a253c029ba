"""What records change, decided before anything is written: by example, and against a model in plain words."""

import copy
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.kit.nir import Nir
from services.quotient.dossiers.changes import Changes, Holder, Known, KnownDossier, PeriodKey
from services.quotient.dossiers.domain import (
    Coordonnees,
    DossierKey,
    DossierRecord,
    PublicationOutcome,
    QuotientPeriod,
)

CREATED, UPDATED, UNCHANGED = (
    PublicationOutcome.CREATED,
    PublicationOutcome.UPDATED,
    PublicationOutcome.UNCHANGED,
)
NIR = Nir.parse("269054958815780")
MARIE, PAUL, ZOE = UUID(int=1001), UUID(int=1002), UUID(int=1003)
JANUARY, APRIL, JULY = date(2026, 1, 1), date(2026, 4, 1), date(2026, 7, 1)
KEY_ID = 1


@dataclass(frozen=True)
class Said:
    """A record, and who its people are."""

    record: DossierRecord
    people: tuple[UUID, ...]


def said(
    *people: UUID,
    numero: str = "D1",
    says: str = "",
    periods: Sequence[QuotientPeriod] = (),
    holders_complete: bool = False,
    periods_complete: bool = False,
    closed_from: date | None = None,
) -> Said:
    record = DossierRecord(
        DossierKey("21", numero),
        [NIR] * len(people),
        holders_complete,
        Coordonnees((), says, "", "", "", "", "", ""),
        periods,
        periods_complete,
        closed_from,
    )
    return Said(record, people)


def qf(valid_from: date, amount_cents: int = 100, valid_to: date | None = None) -> QuotientPeriod:
    return QuotientPeriod(valid_from, valid_to, amount_cents)


def digest(data_key_id: int, dossier_id: UUID, clear: bytes) -> bytes:
    return bytes([data_key_id]) + dossier_id.bytes + clear


@dataclass
class Row:
    """A version, as the tables keep it: never altered but for its end."""

    key: Any
    value: Any
    known_from: int
    known_to: int | None = None

    def holds(self, instant: int) -> bool:
        return self.known_from <= instant and (self.known_to is None or instant < self.known_to)


@dataclass
class Tables:
    """What the store holds; each publication is an instant later than the one before."""

    dossiers: dict[DossierKey, KnownDossier] = field(default_factory=dict)
    holders: list[Row] = field(default_factory=list)
    periods: list[Row] = field(default_factory=list)
    now: int = 0
    ids: Any = field(default_factory=lambda: itertools.count(1))

    def publish(self, *records: Said, data_key_id: int = KEY_ID) -> Sequence[PublicationOutcome]:
        self.now += 1
        changes = Changes(self.known(), lambda: UUID(int=next(self.ids)), digest, data_key_id)
        outcomes = [changes.apply(each.record, each.people) for each in records]
        self._write(changes)
        return outcomes

    def known(self) -> Known:
        return Known(
            dict(self.dossiers),
            {row.key: row.value for row in self.holders if row.known_to is None},
            {row.key: row.value for row in self.periods if row.known_to is None},
        )

    def _write(self, changes: Changes) -> None:
        self._end(self.holders, changes.past_holders)
        self._end(self.periods, changes.past_periods)
        self._add(self.holders, changes.new_holders)
        self._add(self.periods, changes.new_periods)
        assert not changes.new_dossiers.keys() & self.dossiers.keys()
        self.dossiers |= changes.new_dossiers
        by_id = {each.dossier_id: key for key, each in self.dossiers.items()}
        self.dossiers |= {by_id[each.dossier_id]: each for each in changes.changed_dossiers}

    def _end(self, rows: list[Row], keys: Sequence[Any]) -> None:
        for row in rows:
            if row.known_to is None and row.key in keys:
                row.known_to = self.now

    def _add(self, rows: list[Row], new: Any) -> None:
        current = {row.key for row in rows if row.known_to is None}
        # As the unique indexes would have it.
        assert not current & new.keys()
        rows.extend(Row(key, value, self.now) for key, value in new.items())

    def known_at(self, instant: int) -> "Told":
        """Whose dossier is which, and its QFs, as they were known then."""
        numbers = {each.dossier_id: key.numero_dossier for key, each in self.dossiers.items()}
        periods: dict[str, dict[date, QuotientPeriod]] = {}
        for row in self.periods:
            if row.holds(instant):
                periods.setdefault(numbers[row.key.dossier_id], {})[row.key.valid_from] = row.value
        return Told(
            {row.key.person_id: numbers[row.value] for row in self.holders if row.holds(instant)}, periods
        )


@dataclass
class Told:
    """The model: what a reader of the file, line after line, would say is so."""

    dossier_of: dict[UUID, str] = field(default_factory=dict)
    periods: dict[str, dict[date, QuotientPeriod]] = field(default_factory=dict)

    def hear(self, each: Said) -> None:
        record, numero = each.record, each.record.key.numero_dossier
        if record.holders_complete:
            self.dossier_of = {person: other for person, other in self.dossier_of.items() if other != numero}
        self.dossier_of |= dict.fromkeys(each.people, numero)
        mine = {} if record.periods_complete else self.periods.pop(numero, {})
        self.periods.pop(numero, None)
        mine |= {period.valid_from: period for period in record.periods}
        if mine:
            self.periods[numero] = mine


def test_a_dossier_is_created_once() -> None:
    tables = Tables()
    assert tables.publish(said(MARIE)) == [CREATED]
    assert tables.publish(said(MARIE)) == [UNCHANGED]


def test_records_of_one_chunk_are_applied_in_order() -> None:
    assert Tables().publish(said(MARIE, says="a"), said(MARIE, says="a"), said(MARIE, says="b")) == [
        CREATED,
        UNCHANGED,
        UPDATED,
    ]


def test_another_amount_or_last_day_for_the_same_first_day_corrects_it() -> None:
    tables = Tables()
    tables.publish(said(MARIE, periods=[qf(JANUARY)]))
    assert tables.publish(said(MARIE, periods=[qf(JANUARY, 200)])) == [UPDATED]
    assert tables.publish(said(MARIE, periods=[qf(JANUARY, 200, APRIL)])) == [UPDATED]
    assert list(tables.known().periods.values()) == [qf(JANUARY, 200, APRIL)]


def test_what_a_correction_replaces_stays_known_as_what_was_known_before() -> None:
    tables = Tables()
    tables.publish(said(MARIE, periods=[qf(JANUARY, 100)]))
    tables.publish(said(MARIE, periods=[qf(JANUARY, 200)]))
    assert [tables.known_at(instant).periods["D1"][JANUARY].amount_cents for instant in (1, 2)] == [100, 200]


def test_a_record_that_is_not_complete_leaves_the_other_qfs_and_people() -> None:
    tables = Tables()
    tables.publish(said(MARIE, PAUL, periods=[qf(JANUARY), qf(JULY)]))
    assert tables.publish(said(MARIE)) == [UNCHANGED]
    assert tables.publish(said(MARIE, periods=[qf(JULY)])) == [UNCHANGED]
    assert tables.known_at(tables.now) == Told(
        {MARIE: "D1", PAUL: "D1"}, {"D1": {JANUARY: qf(JANUARY), JULY: qf(JULY)}}
    )


def test_where_the_qfs_are_complete_there_is_no_other_one() -> None:
    tables = Tables()
    tables.publish(said(MARIE, periods=[qf(JANUARY), qf(JULY)]))
    assert tables.publish(said(MARIE, periods=[qf(JULY)], periods_complete=True)) == [UPDATED]
    assert tables.publish(said(MARIE, periods=[qf(JULY)], periods_complete=True)) == [UNCHANGED]
    assert tables.known_at(2).periods == {"D1": {JULY: qf(JULY)}}
    assert tables.publish(said(MARIE, periods_complete=True)) == [UPDATED]
    assert tables.known_at(tables.now).periods == {}


def test_where_the_people_are_complete_nobody_else_is_in_the_dossier() -> None:
    tables = Tables()
    tables.publish(said(MARIE, PAUL))
    assert tables.publish(said(MARIE, holders_complete=True)) == [UPDATED]
    assert tables.known_at(2).dossier_of == {MARIE: "D1"}
    assert tables.known_at(1).dossier_of == {MARIE: "D1", PAUL: "D1"}


def test_who_left_within_a_chunk_may_come_back_within_it() -> None:
    tables = Tables()
    tables.publish(said(MARIE, PAUL))
    assert tables.publish(said(MARIE, holders_complete=True), said(PAUL)) == [UPDATED, UPDATED]
    assert (tables.known_at(2), len(tables.holders)) == (tables.known_at(1), 2)


def test_a_person_moves_to_the_dossier_that_was_published_last() -> None:
    tables = Tables()
    tables.publish(said(MARIE, numero="D1"), said(PAUL, numero="D2"))
    assert tables.publish(said(MARIE, PAUL, numero="D2", holders_complete=True)) == [UPDATED]
    assert tables.known_at(2).dossier_of == {MARIE: "D2", PAUL: "D2"}
    assert tables.publish(said(MARIE, numero="D1")) == [UPDATED]
    assert [tables.known_at(instant).dossier_of[MARIE] for instant in (1, 2, 3)] == ["D1", "D2", "D1"]


def test_a_dossier_closes_and_opens_again() -> None:
    tables = Tables()
    tables.publish(said(MARIE))
    assert tables.publish(said(MARIE, closed_from=JULY)) == [UPDATED]
    assert tables.publish(said(MARIE, closed_from=JULY)) == [UNCHANGED]
    assert tables.publish(said(MARIE)) == [UPDATED]
    assert [each.closed_from for each in tables.known().dossiers.values()] == [None]


def test_coordonnees_under_a_former_key_are_told_from_new_ones() -> None:
    tables = Tables()
    tables.publish(said(MARIE, says="a"))
    assert tables.publish(said(MARIE, says="a"), data_key_id=2) == [UNCHANGED]
    assert tables.publish(said(MARIE, says="b"), data_key_id=2) == [UPDATED]
    assert [each.data_key_id for each in tables.known().dossiers.values()] == [2]


DAYS = st.sampled_from([JANUARY, APRIL, JULY])
RECORDS = st.builds(
    lambda people, days, amounts, **rest: said(
        *people, periods=[qf(*each) for each in zip(sorted(days), amounts, strict=False)], **rest
    ),
    st.lists(st.sampled_from([MARIE, PAUL, ZOE]), min_size=1, max_size=3, unique=True),
    st.sets(DAYS, max_size=3),
    st.lists(st.integers(0, 2), min_size=3, max_size=3),
    numero=st.sampled_from(["D1", "D2", "D3"]),
    says=st.sampled_from(["a", "b"]),
    holders_complete=st.booleans(),
    periods_complete=st.booleans(),
    closed_from=st.none() | DAYS,
)
FILES = st.lists(RECORDS, max_size=12)


def cut(records: list[Said], size: int) -> list[list[Said]]:
    return [records[start : start + size] for start in range(0, len(records), size)]


@given(FILES, st.integers(1, 12))
def test_how_a_file_is_cut_into_chunks_makes_no_difference(records: list[Said], size: int) -> None:
    whole, in_chunks = Tables(), Tables()
    outcomes = whole.publish(*records)
    assert [each for chunk in cut(records, size) for each in in_chunks.publish(*chunk)] == outcomes
    assert in_chunks.known() == whole.known()


@given(FILES, st.integers(1, 4))
def test_what_was_known_at_any_instant_is_what_had_been_said_by_then(records: list[Said], size: int) -> None:
    tables, told, expected = Tables(), Told(), [Told()]
    for chunk in cut(records, size):
        tables.publish(*chunk)
        for each in chunk:
            told.hear(each)
        expected.append(copy.deepcopy(told))
    assert [tables.known_at(instant) for instant in range(len(expected))] == expected


@given(FILES, FILES)
def test_history_is_never_overwritten(before: list[Said], after: list[Said]) -> None:
    tables = Tables()
    tables.publish(*before)
    kept = copy.deepcopy((tables.holders, tables.periods))
    tables.publish(*after)
    for rows, now in zip(kept, (tables.holders, tables.periods), strict=True):
        assert [replace(row, known_to=None) for row in now[: len(rows)]] == rows


@given(FILES)
def test_what_is_so_published_again_changes_nothing(records: list[Said]) -> None:
    tables = Tables()
    tables.publish(*records)
    standing = as_it_stands(tables)
    before = copy.deepcopy((tables.dossiers, tables.holders, tables.periods))
    assert tables.publish(*standing) == [UNCHANGED] * len(standing)
    assert (tables.dossiers, tables.holders, tables.periods) == before


def as_it_stands(tables: Tables) -> list[Said]:
    """A file that says completely what is known now of each dossier that somebody holds."""
    known = tables.known()
    return [
        said(
            *people,
            numero=key.numero_dossier,
            says=says_of(dossier),
            periods=[period for period_key, period in known.periods.items() if is_of(period_key, dossier)],
            holders_complete=True,
            periods_complete=True,
            closed_from=dossier.closed_from,
        )
        for key, dossier in known.dossiers.items()
        if (people := people_of(dossier, known.holders))
    ]


def says_of(dossier: KnownDossier) -> str:
    text = dossier.coordonnees_digest[1 + len(dossier.dossier_id.bytes) :]
    return Coordonnees.decode(text).destinataire


def people_of(dossier: KnownDossier, holders: Any) -> list[UUID]:
    return [person_id for (person_id, _), dossier_id in holders.items() if dossier_id == dossier.dossier_id]


def is_of(key: PeriodKey, dossier: KnownDossier) -> bool:
    return key.dossier_id == dossier.dossier_id


def test_a_holder_is_a_person_with_one_caisse() -> None:
    tables = Tables()
    elsewhere = said(MARIE)
    elsewhere = Said(replace(elsewhere.record, key=DossierKey("12", "D1")), elsewhere.people)
    assert tables.publish(said(MARIE), elsewhere) == [CREATED, CREATED]
    assert tables.known().holders.keys() == {Holder(MARIE, "21"), Holder(MARIE, "12")}
