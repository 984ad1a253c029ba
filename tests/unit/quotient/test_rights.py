"""What a person is told of herself, and what may be erased: pure rules (art. 6-3, RGPD art. 15 and 17)."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kit.errors import InvalidField
from services.quotient.dossiers.domain import Coordonnees, QuotientPeriod
from services.quotient.oppositions.domain import (
    Channel,
    Declarant,
    Opposition,
    OppositionScope,
    Request,
    Requester,
)
from services.quotient.rights.domain import (
    Dossier,
    Erasure,
    Holding,
    KeptKind,
    Known,
    KnownPeriod,
    erasures_at,
    held_dossiers,
    kept_because,
    kept_data,
    oppositions_at,
    read_instant,
    read_request_reference,
)

HER, HIM = UUID(int=1), UUID(int=2)
TODAY = date(2026, 11, 24)
START = datetime(2026, 1, 1, tzinfo=UTC)
COORDONNEES = Coordonnees((), "Madame Capucine MIRABELLE", "", "", "", "", "", "")

hours = st.integers(0, 12)


def at(hour: int) -> datetime:
    return START + timedelta(hours=hour)


def known(since: int, until: int | None = None) -> Known:
    return Known(at(since), None if until is None else at(until))


def period(since: int, until: int | None = None, cents: int = 0) -> KnownPeriod:
    return KnownPeriod(QuotientPeriod(TODAY, None, cents), known(since, until))


def dossier(
    *holdings: Holding, periods: Sequence[KnownPeriod] = (), closed_from: date | None = TODAY
) -> Dossier:
    return Dossier(UUID(int=9), "D1", COORDONNEES, closed_from, holdings, periods)


@st.composite
def spans(draw: st.DrawFn) -> Known:
    since = draw(hours)
    until = draw(st.none() | st.integers(since, 13))
    return known(since, until)


@st.composite
def histories(draw: st.DrawFn) -> Sequence[KnownPeriod]:
    """The versions of one QF: each is known until the next one replaces it."""
    instants = sorted(draw(st.sets(hours, min_size=1)))
    ends = [*instants[1:], draw(st.none() | st.just(13))]
    return [
        period(since, until, cents) for cents, (since, until) in enumerate(zip(instants, ends, strict=True))
    ]


@given(spans(), st.integers(-1, 14))
def test_what_is_known_is_known_from_its_first_instant_on_and_not_at_its_last(span: Known, hour: int) -> None:
    instant = at(hour)
    assert span.holds(instant) == (instant >= span.since and (span.until is None or instant < span.until))


@given(histories(), st.integers(-1, 14))
def test_at_each_instant_one_version_of_a_qf_is_told_the_last_to_become_known(
    versions: Sequence[KnownPeriod], hour: int
) -> None:
    held = dossier(Holding(HER, known(-1)), periods=versions)
    (told,) = held_dossiers([held], HER, at(hour))
    ended = versions[-1].known.until is not None and versions[-1].known.until <= at(hour)
    begun = [each.period.amount_cents for each in versions if each.known.since <= at(hour)]
    assert [each.period.amount_cents for each in told.periods] == ([] if ended else begun[-1:])
    assert all(each.known.until is None for each in told.periods)


@given(histories(), spans(), st.integers(-1, 14))
def test_what_was_told_at_an_instant_is_told_in_the_whole_record_too(
    versions: Sequence[KnownPeriod], holding: Known, hour: int
) -> None:
    held = dossier(Holding(HER, holding), periods=versions)
    (whole,) = held_dossiers([held], HER, None)
    for then in held_dossiers([held], HER, at(hour)):
        amounts = {each.period.amount_cents for each in whole.periods}
        assert {each.period.amount_cents for each in then.periods} <= amounts


@given(spans(), spans())
def test_what_was_known_while_she_held_it_is_told_and_nothing_else(version: Known, holding: Known) -> None:
    told = version.meets(holding)
    both = [at(hour) for hour in range(14) if version.holds(at(hour)) and holding.holds(at(hour))]
    assert told or not both
    if told:
        assert version.since < holding.end
        assert version.end > holding.since or version.since >= holding.since


def test_a_version_that_was_replaced_within_its_instant_is_told() -> None:
    assert known(3, 3).meets(known(3))
    assert not known(3, 3).meets(known(4))


def test_the_dossier_she_holds_comes_first_then_the_newest() -> None:
    past, older, now = (
        dossier(Holding(HER, known(*span)), periods=[period(0, cents=cents)])
        for cents, span in enumerate([(5, 9), (1, 5), (0, None)])
    )
    told = held_dossiers([past, older, now], HER, None)
    assert [each.held for each in told] == [known(0), known(5, 9), known(1, 5)]


@pytest.mark.parametrize(
    ("hers", "his", "is_his"),
    [
        (known(0), known(0), True),
        (known(0), known(0, 5), False),
        (known(0, 5), known(0), True),
        (known(0, 5), known(0, 6), True),
        (known(0, 5), known(0, 5), False),
        (known(0, 5), known(0, 4), False),
    ],
)
def test_a_dossier_is_another_s_who_holds_it_or_held_it_after_her(
    hers: Known, his: Known, is_his: bool
) -> None:
    shared = dossier(Holding(HER, hers), Holding(HIM, his))
    assert shared.is_of_another(HER) == is_his
    assert kept_because(shared, HER, TODAY) is (KeptKind.SHARED_DOSSIER if is_his else None)
    (told,) = held_dossiers([shared], HER, None)
    assert (told.coordonnees is None) == is_his


@given(spans(), spans())
def test_a_closed_dossier_goes_for_one_of_those_who_held_it(hers: Known, his: Known) -> None:
    """Unless both hold it; and nobody waits for another for ever."""
    shared = dossier(Holding(HER, hers), Holding(HIM, his))
    going = [person for person in (HER, HIM) if kept_because(shared, person, TODAY) is None]
    assert bool(going) == (hers.until is not None or his.until is not None)


@pytest.mark.parametrize(
    ("closed_from", "reason"),
    [
        (None, KeptKind.OPEN_DOSSIER),
        (TODAY + timedelta(days=1), KeptKind.OPEN_DOSSIER),
        (TODAY, None),
        (TODAY - timedelta(days=1), None),
    ],
)
def test_an_open_dossier_stays_and_one_is_closed_from_its_day_on(
    closed_from: date | None, reason: KeptKind | None
) -> None:
    assert kept_because(dossier(Holding(HER, known(0)), closed_from=closed_from), HER, TODAY) is reason


def test_an_opposition_that_was_withdrawn_later_stood_then() -> None:
    request = Request(Requester.PERSON, Channel.LETTER, TODAY, "")
    scope = OppositionScope("21", None)
    withdrawn = Opposition(UUID(int=1), scope, Declarant.CAISSE, request, at(2), at(5), request)
    assert oppositions_at([withdrawn], None) == [withdrawn]
    assert oppositions_at([withdrawn], at(5)) == [withdrawn]
    (standing,) = oppositions_at([withdrawn], at(4))
    assert (standing.withdraw_time, standing.withdrawal) == (None, None)
    assert oppositions_at([withdrawn], at(1)) == []


def test_an_erasure_is_told_from_its_instant_on() -> None:
    erasure = Erasure(UUID(int=1), at(2), "EFF-1", 1, 2)
    assert [len(erasures_at([erasure], moment)) for moment in (at(1), at(2), None)] == [0, 1, 1]


def test_what_there_is_none_of_is_not_told_to_stay() -> None:
    counted = kept_data({KeptKind.OPPOSITION: 2, KeptKind.JOURNAL_LINE: 0, KeptKind.OPEN_DOSSIER: 1})
    assert [(each.kind, each.count) for each in counted] == [
        (KeptKind.OPEN_DOSSIER, 1),
        (KeptKind.OPPOSITION, 2),
    ]


@given(st.integers(-62_135_596_800, 253_402_300_799), st.integers(0, 999_999_999))
def test_an_instant_is_read_to_the_microsecond(seconds: int, nanoseconds: int) -> None:
    instant = read_instant("known_at", seconds, nanoseconds)
    assert (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) == (
        seconds * 1_000_000 + nanoseconds // 1000
    )


@pytest.mark.parametrize("seconds", [2**62, -(2**62), 253_402_300_800])
def test_an_instant_of_no_year_is_refused(seconds: int) -> None:
    with pytest.raises(InvalidField):
        read_instant("known_at", seconds, 0)


@pytest.mark.parametrize("reference", ["", "x" * 65])
def test_a_request_for_erasure_names_itself(reference: str) -> None:
    with pytest.raises(InvalidField):
        read_request_reference(reference)


def test_no_record_shows_itself() -> None:
    shown = repr(
        held_dossiers([dossier(Holding(HER, known(0)), periods=[period(0, cents=61234)])], HER, None)
    )
    shown += repr(dossier(Holding(HER, known(0)))) + repr(Erasure(UUID(int=1), at(2), "EFF-1", 1, 2))
    assert not any(secret in shown for secret in ("MIRABELLE", "61234", "EFF-1"))
