"""What falls due of a convention, and on which day (art. 6-1, 7-2, 9-1, 9-2, 10)."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import date, timedelta
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.kit.errors import DomainError, InvalidField
from services.partners.conventions.domain import denounced_term
from services.partners.conventions.facts import (
    AgreedEnd,
    Annulment,
    Attestation,
    AttestationKind,
    CnilDeclaration,
    Cure,
    Denunciation,
    Fact,
    ForceMajeureEnd,
    ForceMajeureNotification,
    FormalNotice,
    ProviderDeclaration,
    ProviderDeparture,
    ProviderUndertaking,
    Signature,
)
from services.partners.conventions.timeline import Tense, TimelineEvent
from services.partners.deadlines.domain import (
    OWED_KINDS,
    Deadline,
    DeadlineKind,
    Detail,
    Lapse,
    Matters,
    PartnerLine,
    TimedSuspension,
    deadlines_of,
    read_horizon,
    suspension_deadlines,
    urgency,
)
from tests.unit.partners.convention_days import DAY, DAYS
from tests.unit.partners.convention_history import CAISSE, ENDED, PARTNER, SIGNED, TODAY, History, signed
from tests.unit.partners.convention_model import Life, last_letter_day, term_after

KIND = DeadlineKind
CONVENTION_ID = UUID(int=1)
VALLOMBREUSE = PartnerLine(UUID(int=2), "Mairie de Vallombreuse", "accueil@vallombreuse.example")
SUSPENSION_ID = UUID(int=0xA0)
# Signed on 10 March 2025: its term, and the last day to denounce it at that term.
TERM, LAST_DAY = date(2027, 3, 10), date(2026, 12, 10)
FAR = 3000


def due(
    history: History,
    today: date = TODAY,
    days: int = FAR,
    lapses: Sequence[Lapse] = (),
    suspensions: Sequence[TimedSuspension] = (),
) -> list[Deadline]:
    """What falls due within so many days."""
    matters = Matters(history.convention, history.ledger, VALLOMBREUSE, lapses, suspensions)
    return sorted(deadlines_of(matters, today, today + timedelta(days=days)), key=urgency)


def days_of(found: Sequence[Deadline], kind: DeadlineKind) -> list[date]:
    """When deadlines of one kind fall due."""
    return [deadline.due_date for deadline in found if deadline.kind is kind]


def kinds_of(found: Sequence[Deadline]) -> list[DeadlineKind]:
    """What falls due, the earliest first."""
    return [deadline.kind for deadline in found]


@pytest.mark.parametrize(
    ("signed_on", "today", "renewal"),
    [
        pytest.param(SIGNED, date(2026, 3, 9), date(2026, 3, 10), id="the day before the term"),
        pytest.param(SIGNED, date(2026, 3, 10), TERM, id="on the term it has renewed itself"),
        pytest.param(SIGNED, SIGNED, date(2026, 3, 10), id="on the day of the signature"),
        pytest.param(
            date(2024, 2, 29), date(2024, 12, 1), date(2025, 2, 28), id="29 February, a common year"
        ),
        pytest.param(date(2024, 2, 29), date(2027, 3, 1), date(2028, 2, 29), id="29 February, a leap year"),
        pytest.param(date(2025, 5, 31), date(2026, 5, 30), date(2026, 5, 31), id="31 May"),
    ],
)
def test_a_convention_renews_itself_at_its_next_term_art_9_1(
    signed_on: date, today: date, renewal: date
) -> None:
    (found,) = [each for each in due(signed(signed_on, signed_on), today) if each.kind is KIND.RENEWAL]
    assert (found.due_date, found.detail, found.subject_id) == (renewal, Detail.RENEWS, CONVENTION_ID)
    assert found.convention_id == CONVENTION_ID
    assert found.partner_denomination == "Mairie de Vallombreuse"


@pytest.mark.parametrize(
    ("end_date", "renews"),
    [
        pytest.param(TERM - DAY, False, id="ends before the term"),
        pytest.param(TERM, False, id="ends at the term"),
        pytest.param(TERM + DAY, True, id="ends the day after"),
    ],
)
def test_a_convention_that_ends_by_its_term_does_not_renew_itself_art_9_2(
    end_date: date, renews: bool
) -> None:
    history = signed()
    history.record(AgreedEnd(end_date))
    assert days_of(due(history), KIND.RENEWAL) == ([TERM] if renews else [])
    assert days_of(due(history), KIND.CONVENTION_END) == [end_date]


@pytest.mark.parametrize(
    ("signed_on", "today", "last_day"),
    [
        pytest.param(SIGNED, TODAY, LAST_DAY, id="ahead"),
        pytest.param(SIGNED, LAST_DAY, LAST_DAY, id="today, to midnight"),
        pytest.param(SIGNED, LAST_DAY + DAY, date(2027, 12, 10), id="passed: the next term's"),
        pytest.param(SIGNED, TERM, date(2027, 12, 10), id="on the term"),
        pytest.param(date(2025, 5, 31), date(2026, 1, 1), date(2026, 2, 28), id="31 May, a common year"),
        pytest.param(date(2025, 5, 31), date(2028, 1, 1), date(2028, 2, 29), id="31 May, a leap year"),
        pytest.param(date(2025, 5, 31), date(2026, 3, 1), date(2027, 2, 28), id="31 May, the day after"),
        pytest.param(
            date(2024, 2, 29), date(2024, 11, 1), date(2024, 11, 28), id="29 February, a common year"
        ),
        pytest.param(date(2024, 2, 29), date(2027, 11, 1), date(2027, 11, 29), id="29 February, a leap year"),
    ],
)
def test_the_last_day_to_denounce_lies_three_months_before_a_term_art_9_2(
    signed_on: date, today: date, last_day: date
) -> None:
    found = due(signed(signed_on, signed_on), today)
    assert days_of(found, KIND.LAST_DAY_TO_DENOUNCE) == [last_day]


@pytest.mark.parametrize(
    ("today", "end_date", "expected"),
    [
        pytest.param(TODAY, TERM, [], id="ends at this term"),
        pytest.param(TODAY, TERM + DAY, [LAST_DAY], id="ends after it"),
        pytest.param(LAST_DAY + DAY, date(2028, 3, 10), [], id="this one has passed, ends at the next"),
        pytest.param(LAST_DAY + DAY, date(2028, 3, 11), [date(2027, 12, 10)], id="ends after the next"),
    ],
)
def test_nothing_is_left_to_denounce_where_an_end_is_in_sight_by_the_term_art_9_2(
    today: date, end_date: date, expected: list[date]
) -> None:
    history = signed()
    history.record(AgreedEnd(end_date))
    assert days_of(due(history, today), KIND.LAST_DAY_TO_DENOUNCE) == expected


def test_a_denounced_convention_only_ends_art_9_2() -> None:
    history = signed()
    history.record(Denunciation(PARTNER, TODAY))
    (end,) = due(history)
    assert (end.kind, end.due_date, end.detail) == (KIND.CONVENTION_END, TERM, Detail.ENDS)


def test_one_denounced_too_late_renews_itself_once_more_art_9_2() -> None:
    history = signed()
    history.record(Denunciation(CAISSE, LAST_DAY + DAY), on=LAST_DAY + DAY)
    found = due(history, LAST_DAY + DAY)
    assert [(each.kind, each.due_date) for each in found] == [
        (KIND.RENEWAL, TERM),
        (KIND.CONVENTION_END, date(2028, 3, 10)),
    ]


def test_an_end_is_told_until_it_has_come_then_the_attestation_is_due_art_6_1() -> None:
    history, end_date = signed(), TODAY + 10 * DAY
    history.record(AgreedEnd(end_date))
    before, after = due(history, end_date - DAY), due(history, end_date)
    assert kinds_of(before) == [KIND.CONVENTION_END]
    assert [(each.kind, each.due_date) for each in after] == [(KIND.ATTESTATION, end_date)]


def test_every_open_formal_notice_has_its_thirty_days_art_9_2() -> None:
    history = signed()
    first = history.record(FormalNotice(CAISSE, TODAY - 5 * DAY))
    second = history.record(FormalNotice(PARTNER, TODAY))
    cures = [each for each in due(history) if each.kind is KIND.CURE_END]
    assert [(each.subject_id, each.due_date, each.detail) for each in cures] == [
        (first, TODAY + 25 * DAY, Detail.CAISSE),
        (second, TODAY + 30 * DAY, Detail.PARTNER),
    ]
    assert {each.convention_id for each in cures} == {CONVENTION_ID}


def test_a_cured_notice_is_gone_and_the_convention_renews_itself_again_art_9_2() -> None:
    history = signed()
    notice = history.record(FormalNotice(CAISSE, TODAY))
    assert kinds_of(due(history)) == [KIND.CONVENTION_END, KIND.CURE_END]
    cure = history.record(Cure(notice, TODAY))
    assert kinds_of(due(history)) == [KIND.LAST_DAY_TO_DENOUNCE, KIND.RENEWAL]
    history.annul(cure)
    assert kinds_of(due(history)) == [KIND.CONVENTION_END, KIND.CURE_END]


def test_a_notice_is_over_on_the_day_on_which_it_ends_the_convention_art_9_2() -> None:
    history = signed()
    history.record(FormalNotice(CAISSE, TODAY))
    assert days_of(due(history, TODAY + 29 * DAY), KIND.CURE_END) == [TODAY + 30 * DAY]
    assert kinds_of(due(history, TODAY + 30 * DAY)) == [KIND.ATTESTATION]


def test_force_majeure_of_over_thirty_days_opens_the_termination_art_10() -> None:
    history = signed()
    history.record(ForceMajeureNotification(PARTNER, TODAY))
    opens = TODAY + 31 * DAY
    (found,) = [each for each in due(history) if each.kind is KIND.FORCE_MAJEURE_TERMINATION]
    assert (found.due_date, found.detail, found.subject_id) == (opens, Detail.PARTNER, CONVENTION_ID)
    assert days_of(due(history, opens), KIND.FORCE_MAJEURE_TERMINATION) == [opens]
    assert days_of(due(history, opens + DAY), KIND.FORCE_MAJEURE_TERMINATION) == []


def test_force_majeure_that_is_over_or_outlives_the_convention_opens_nothing_art_10() -> None:
    over = signed()
    over.record(ForceMajeureNotification(CAISSE, TODAY - 9 * DAY))
    over.record(ForceMajeureEnd(TODAY))
    again = History(over.recorded)
    again.record(ForceMajeureNotification(PARTNER, TODAY))
    ending = signed()
    ending.record(ForceMajeureNotification(CAISSE, TODAY))
    ending.record(AgreedEnd(TODAY + 31 * DAY))
    assert days_of(due(over), KIND.FORCE_MAJEURE_TERMINATION) == []
    (second,) = [each for each in due(again) if each.kind is KIND.FORCE_MAJEURE_TERMINATION]
    assert (second.due_date, second.detail) == (TODAY + 31 * DAY, Detail.PARTNER)
    assert days_of(due(ending), KIND.FORCE_MAJEURE_TERMINATION) == []


def test_the_suspension_of_a_user_ends_on_its_day_art_7_2() -> None:
    suspension = TimedSuspension(SUSPENSION_ID, TODAY + 3 * DAY)
    found = due(signed(), suspensions=[suspension])
    (end,) = [each for each in found if each.kind is KIND.SUSPENSION_END]
    assert (end.due_date, end.subject_id, end.user_count) == (TODAY + 3 * DAY, SUSPENSION_ID, 1)
    assert end.convention_id == CONVENTION_ID
    on_the_day = due(signed(), TODAY + 3 * DAY, suspensions=[suspension])
    assert days_of(on_the_day, KIND.SUSPENSION_END) == []


def test_a_suspension_that_outlives_the_convention_gives_no_access_back_art_7_2() -> None:
    history = signed()
    history.record(AgreedEnd(TODAY + 3 * DAY))
    suspensions = [
        TimedSuspension(SUSPENSION_ID, TODAY + 2 * DAY),
        TimedSuspension(UUID(int=0xA1), TODAY + 3 * DAY),
    ]
    found = due(history, suspensions=suspensions)
    assert days_of(found, KIND.SUSPENSION_END) == [TODAY + 2 * DAY]


def test_the_suspension_of_a_partner_is_under_no_convention_art_7_2() -> None:
    suspension = TimedSuspension(SUSPENSION_ID, TODAY + 3 * DAY)
    (end,) = suspension_deadlines(VALLOMBREUSE, [suspension], TODAY, TODAY + 3 * DAY)
    assert (end.kind, end.due_date, end.detail) == (KIND.SUSPENSION_END, TODAY + 3 * DAY, Detail.PARTNER)
    assert (end.convention_id, end.user_count, end.subject_id) == (None, 0, SUSPENSION_ID)
    assert suspension_deadlines(VALLOMBREUSE, [suspension], TODAY, TODAY + 2 * DAY) == []
    assert suspension_deadlines(VALLOMBREUSE, [suspension], TODAY + 3 * DAY, TODAY + 9 * DAY) == []


def test_a_convention_renews_itself_during_a_suspension_too_art_9_1() -> None:
    suspended = due(signed(), suspensions=[TimedSuspension(SUSPENSION_ID, TERM + 30 * DAY)])
    assert days_of(suspended, KIND.RENEWAL) == [TERM]
    assert days_of(suspended, KIND.LAST_DAY_TO_DENOUNCE) == [LAST_DAY]


def test_users_are_confirmed_before_the_day_on_which_they_lapse_art_9_1() -> None:
    lapses = [Lapse(date(2026, 11, 24), 2), Lapse(date(2027, 5, 9), 3), Lapse(TODAY, 7)]
    found = [each for each in due(signed(), lapses=lapses) if each.kind is KIND.RECERTIFICATION]
    assert [(each.due_date, each.user_count) for each in found] == [
        (date(2026, 11, 24), 2),
        (date(2027, 5, 9), 3),
    ]
    assert {each.subject_id for each in found} == {CONVENTION_ID}


@pytest.mark.parametrize(("days_after", "expected"), [(0, 0), (1, 1)])
def test_nobody_is_confirmed_for_a_convention_that_is_over_by_then_art_9_2(
    days_after: int, expected: int
) -> None:
    history, lapse_date = signed(), TODAY + 20 * DAY
    history.record(AgreedEnd(lapse_date + days_after * DAY))
    found = due(history, lapses=[Lapse(lapse_date, 1)])
    assert len(days_of(found, KIND.RECERTIFICATION)) == expected


def test_an_attestation_is_overdue_since_the_end_until_it_is_received_art_6_1() -> None:
    history, end_date = signed(), TODAY - 400 * DAY
    history.record(AgreedEnd(end_date), on=end_date - DAY)
    (found,) = due(history, days=1, lapses=[Lapse(TODAY + DAY, 1)])
    assert (found.kind, found.due_date, found.days_left(TODAY)) == (KIND.ATTESTATION, end_date, -400)
    assert found.subject_id == CONVENTION_ID
    history.record(Attestation(AttestationKind.DESTRUCTION, TODAY))
    assert due(history) == []


def test_no_attestation_is_due_of_a_convention_that_never_had_effect_art_6_1() -> None:
    history = signed(cnil=None)
    history.record(AgreedEnd(TODAY), on=TODAY - DAY)
    assert history.state_on(TODAY) is ENDED
    assert due(history) == []


def test_the_undertaking_of_a_provider_is_missing_since_its_first_day_art_6_1() -> None:
    history = signed()
    since = TODAY - 700 * DAY
    provider = history.record(ProviderDeclaration("Numéris", since))
    other = history.record(ProviderDeclaration("Logiciels du Val", TODAY))
    missing = [each for each in due(history, days=1) if each.kind is KIND.UNDERTAKING]
    assert [(each.subject_id, each.due_date) for each in missing] == [(provider, since), (other, TODAY)]
    history.record(ProviderUndertaking(provider, TODAY))
    history.record(ProviderDeparture(other, TODAY))
    assert days_of(due(history), KIND.UNDERTAKING) == []


def test_an_undertaking_is_owed_as_long_as_secrecy_lasts_art_6_1() -> None:
    history, end_date = signed(), date(2026, 12, 1)
    history.record(ProviderDeclaration("Numéris", TODAY))
    history.record(AgreedEnd(end_date))
    last_day_of_secrecy = date(2031, 12, 1)
    assert days_of(due(history, last_day_of_secrecy), KIND.UNDERTAKING) == [TODAY]
    assert days_of(due(history, last_day_of_secrecy + DAY), KIND.UNDERTAKING) == []


def test_nothing_falls_due_of_a_draft_art_9_1() -> None:
    assert due(History()) == []
    half_signed = History()
    half_signed.record(Signature(CAISSE, SIGNED), on=SIGNED)
    half_signed.record(AgreedEnd(TODAY + DAY))
    assert due(half_signed) == []


def test_a_convention_that_awaits_its_declaration_has_its_term_all_the_same_art_9_1() -> None:
    assert kinds_of(due(signed(cnil=None))) == [KIND.LAST_DAY_TO_DENOUNCE, KIND.RENEWAL]


def test_a_convention_signed_for_later_has_its_first_term_art_9_1() -> None:
    history = signed(date(2027, 1, 1), cnil=None)
    found = due(history)
    assert days_of(found, KIND.RENEWAL) == [date(2028, 1, 1)]
    assert days_of(found, KIND.LAST_DAY_TO_DENOUNCE) == [date(2027, 10, 1)]


def test_the_last_day_of_the_horizon_is_within_it() -> None:
    left = (LAST_DAY - TODAY).days
    assert kinds_of(due(signed(), days=left)) == [KIND.LAST_DAY_TO_DENOUNCE]
    assert due(signed(), days=left - 1) == []


@pytest.mark.parametrize(("asked", "days"), [(0, 90), (1, 1), (90, 90), (400, 400)])
def test_the_horizon_is_ninety_days_unless_another_is_asked_for(asked: int, days: int) -> None:
    assert read_horizon(asked, TODAY) == TODAY + days * DAY


@pytest.mark.parametrize("asked", [-1, 401, 2**31 - 1, -(2**31)])
def test_a_horizon_beyond_four_hundred_days_is_refused(asked: int) -> None:
    with pytest.raises(InvalidField) as refused:
        read_horizon(asked, TODAY)
    assert [each.field for each in refused.value.violations] == ["horizon_days"]


def test_what_is_told_of_a_partner_does_not_print_its_address() -> None:
    assert "accueil@vallombreuse.example" not in repr(VALLOMBREUSE)


NUMBERS = st.integers(0, 12)


@st.composite
def histories(draw: st.DrawFn) -> tuple[History, date]:
    """A convention to which things happened, as far as they are admitted, and the day on which it is looked at."""
    signed_on = draw(DAYS)
    history = signed(signed_on, draw(st.sampled_from([signed_on, signed_on, None])))
    for _ in range(draw(st.integers(0, 5))):
        day = signed_on + timedelta(days=draw(st.integers(0, 800)))
        fact = draw(_facts(day, UUID(int=draw(NUMBERS))))
        with suppress(DomainError):
            history.record(fact, on=day)
    return history, signed_on + timedelta(days=draw(st.integers(0, 1200)))


def _facts(day: date, known: UUID) -> st.SearchStrategy[Fact]:
    return st.sampled_from(
        [
            Denunciation(PARTNER, day),
            FormalNotice(CAISSE, day),
            Cure(known, day),
            ForceMajeureNotification(PARTNER, day),
            ForceMajeureEnd(day),
            AgreedEnd(day + timedelta(days=known.int * 20)),
            CnilDeclaration(day),
            ProviderDeclaration("Numéris", day),
            ProviderUndertaking(known, day),
            Attestation(AttestationKind.RETURN, day),
            Annulment(known),
        ]
    )


LAPSES = st.lists(
    st.builds(Lapse, DAYS, st.integers(1, 9)), max_size=2, unique_by=lambda each: each.lapse_date
)
SUSPENSIONS = st.lists(
    st.builds(TimedSuspension, st.uuids(), DAYS), max_size=2, unique_by=lambda each: each.suspension_id
)


@given(histories(), LAPSES, SUSPENSIONS, st.integers(0, 400), st.integers(0, 400))
def test_whatever_is_listed_for_a_horizon_is_listed_for_any_longer_one(
    life: tuple[History, date],
    lapses: Sequence[Lapse],
    suspensions: Sequence[TimedSuspension],
    one: int,
    other: int,
) -> None:
    history, today = life
    shorter, longer = sorted((one, other))
    near = due(history, today, shorter, lapses, suspensions)
    far = due(history, today, longer, lapses, suspensions)
    assert near == [each for each in far if each.days_left(today) <= shorter]


@given(histories(), LAPSES, SUSPENSIONS)
def test_only_what_is_owed_is_overdue_and_nothing_is_there_twice(
    life: tuple[History, date], lapses: Sequence[Lapse], suspensions: Sequence[TimedSuspension]
) -> None:
    history, today = life
    found = due(history, today, FAR, lapses, suspensions)
    assert len({each.key for each in found}) == len(found)
    assert all(each.due_date >= today or each.kind in OWED_KINDS for each in found)
    if history.state_on(today) is ENDED:
        assert {each.kind for each in found} <= OWED_KINDS


@given(histories())
def test_terms_are_those_of_a_convention_told_day_after_day(life: tuple[History, date]) -> None:
    history, today = life
    told = _told(history)
    assert told.signed is not None
    found = due(history, today)
    renewal = term_after(told.signed, today)
    ahead = renewal if last_letter_day(renewal) >= today else term_after(told.signed, renewal)
    over = told.state(today) == "ENDED"

    def comes(day: date) -> bool:
        return not over and (told.end is None or day < told.end)

    assert days_of(found, KIND.RENEWAL) == [renewal] * comes(renewal)
    assert days_of(found, KIND.LAST_DAY_TO_DENOUNCE) == [last_letter_day(ahead)] * comes(ahead)
    assert days_of(found, KIND.CONVENTION_END) == ([] if over or told.end is None else [told.end])
    assert bool(days_of(found, KIND.ATTESTATION)) == told.attestation_is_due(today)


@given(DAYS, st.integers(0, 1200))
@example(date(2024, 2, 29), 0)
@example(date(2025, 5, 31), 273)
def test_a_letter_of_the_last_day_comes_in_time_and_one_of_the_next_day_does_not_art_9_2(
    signed_on: date, days: int
) -> None:
    today = signed_on + timedelta(days=days)
    (last_day,) = days_of(due(signed(signed_on, signed_on), today), KIND.LAST_DAY_TO_DENOUNCE)
    assert last_day >= today
    assert denounced_term(signed_on, last_day) < denounced_term(signed_on, last_day + DAY)


@given(histories())
def test_deadlines_agree_with_the_timeline(life: tuple[History, date]) -> None:
    history, today = life
    ahead = {
        entry.event: entry.day
        for entry in history.timeline_on(today)
        if entry.tense is Tense.FUTURE and entry.event is TimelineEvent.RENEWAL
    }
    assert days_of(due(history, today), KIND.RENEWAL) == list(ahead.values())


def _told(history: History) -> Life:
    """The same story, told to the plain one."""
    told = Life()
    for one in history.recorded:
        told.tell(one.fact_id, one.fact, one.record_time.date())
    return told
