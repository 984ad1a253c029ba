"""What a chunk changes, decided before anything is written."""

import itertools
from collections.abc import Sequence
from datetime import date
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.kit.nir import Nir
from services.quotient.dossiers.domain import (
    Coordonnees,
    DossierKey,
    DossierRecord,
    Known,
    Publication,
    PublicationOutcome,
    QuotientPeriod,
)

NIR = Nir.parse("269054958815780")
CREATED, UPDATED, UNCHANGED = (
    PublicationOutcome.CREATED,
    PublicationOutcome.UPDATED,
    PublicationOutcome.UNCHANGED,
)
NOTHING = Known({}, {}, {})
MARIE, PAUL = b"marie", b"paul"


def digest(dossier_id: UUID, clear: bytes) -> bytes:
    return dossier_id.bytes + clear


def record(
    numero: str = "D1", says: str = "", amount_cents: int | None = None, valid_to: date | None = None
) -> DossierRecord:
    coordonnees = Coordonnees((), says, "", "", "", "", "", "")
    period = None if amount_cents is None else QuotientPeriod(date(2026, 1, 1), valid_to, amount_cents)
    return DossierRecord(DossierKey("21", numero), NIR, coordonnees, period)


class Tables:
    """What the store would hold after each publication."""

    def __init__(self) -> None:
        self.known = NOTHING
        self._numbers = itertools.count(1)

    def publish(self, *records: tuple[DossierRecord, bytes]) -> Sequence[PublicationOutcome]:
        publication = Publication(self.known, lambda: UUID(int=next(self._numbers)), digest)
        outcomes = [publication.apply(each, person) for each, person in records]
        self.known = Known(
            {**self.known.dossiers, **publication.dossiers},
            {**self.known.holders, **publication.holders},
            {**self.known.periods, **publication.periods},
        )
        return outcomes


def test_a_dossier_is_created_once() -> None:
    tables = Tables()
    assert tables.publish((record(), MARIE)) == [CREATED]
    assert tables.publish((record(), MARIE)) == [UNCHANGED]


def test_records_of_one_chunk_are_applied_in_order() -> None:
    assert Tables().publish(
        (record(says="a"), MARIE), (record(says="a"), MARIE), (record(says="b"), MARIE)
    ) == [CREATED, UNCHANGED, UPDATED]


def test_another_amount_for_the_same_first_day_corrects_it() -> None:
    tables = Tables()
    tables.publish((record(amount_cents=100), MARIE))
    assert tables.publish((record(amount_cents=200), MARIE)) == [UPDATED]
    assert [period.amount_cents for period in tables.known.periods.values()] == [200]


def test_another_last_day_for_the_same_first_day_corrects_it() -> None:
    tables = Tables()
    tables.publish((record(amount_cents=100), MARIE))
    assert tables.publish((record(amount_cents=100, valid_to=date(2026, 6, 30)), MARIE)) == [UPDATED]


def test_a_record_without_a_qf_leaves_the_known_ones() -> None:
    tables = Tables()
    tables.publish((record(amount_cents=100), MARIE))
    assert tables.publish((record(), MARIE)) == [UNCHANGED]
    assert len(tables.known.periods) == 1


def test_a_dossier_may_be_that_of_several_people() -> None:
    tables = Tables()
    assert tables.publish((record(), MARIE), (record(), PAUL)) == [CREATED, UPDATED]
    assert len(set(tables.known.holders.values())) == 1


def test_the_newest_publication_says_whose_dossier_it_is() -> None:
    tables = Tables()
    tables.publish((record("D1"), MARIE), (record("D2"), PAUL))
    assert tables.publish((record("D2"), MARIE)) == [UPDATED]
    assert len(set(tables.known.holders.values())) == 1


RECORDS = st.tuples(
    st.builds(
        record,
        numero=st.sampled_from(["D1", "D2", "D3"]),
        says=st.sampled_from(["a", "b"]),
        amount_cents=st.none() | st.integers(0, 2),
    ),
    st.sampled_from([MARIE, PAUL]),
)


@given(st.lists(RECORDS, max_size=12), st.integers(1, 12))
def test_how_a_file_is_cut_into_chunks_makes_no_difference(
    records: list[tuple[DossierRecord, bytes]], size: int
) -> None:
    whole, cut = Tables(), Tables()
    outcomes = whole.publish(*records)
    in_chunks = [cut.publish(*records[start : start + size]) for start in range(0, len(records), size)]
    assert list(itertools.chain.from_iterable(in_chunks)) == outcomes
    assert cut.known == whole.known


@given(st.lists(RECORDS, max_size=12))
def test_the_last_record_of_each_dossier_published_again_changes_nothing(
    records: list[tuple[DossierRecord, bytes]],
) -> None:
    tables = Tables()
    tables.publish(*records)
    before = tables.known
    if records:
        assert tables.publish(records[-1]) == [UNCHANGED]
    assert tables.known == before
