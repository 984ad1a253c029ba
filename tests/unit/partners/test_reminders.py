"""When one is reminded of what falls due, who is, and which reminders still say something."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.partners.conventions.facts import AgreedEnd, ProviderDeclaration
from services.partners.deadlines.domain import (
    AUDIENCES,
    REMINDED_DAYS_BEFORE,
    Addressed,
    Audience,
    Deadline,
    DeadlineKind,
    Detail,
    Matters,
    PartnerLine,
    deadlines_of,
    due_reminder,
    reminded_until,
)
from services.partners.outbox.domain import (
    KeptMessage,
    Message,
    Reminder,
    reminders_due,
    still_to_tell,
)
from tests.unit.partners.convention_days import DAY, DAYS, every_day
from tests.unit.partners.convention_history import SIGNED, TODAY, History, signed

CAISSE, PARTNER = Audience.CAISSE, Audience.PARTNER
KIND = DeadlineKind
VALLOMBREUSE = PartnerLine(UUID(int=2), "Mairie de Vallombreuse", "accueil@vallombreuse.example")
WITHOUT_EMAIL = replace(VALLOMBREUSE, email="")
NOW = datetime(2026, 11, 23, 11, tzinfo=UTC)


def deadline(due_date: date, kind: DeadlineKind = KIND.RENEWAL) -> Deadline:
    return Deadline(
        kind=kind,
        due_date=due_date,
        partner_id=VALLOMBREUSE.partner_id,
        partner_denomination=VALLOMBREUSE.denomination,
        convention_id=UUID(int=1),
        user_count=0,
        detail=Detail.NONE,
        subject_id=UUID(int=1),
    )


def kept(days_before: int, audience: Audience = CAISSE, most_urgent: int | None = None) -> KeptMessage:
    """A reminder of the renewal on TODAY + 20 days."""
    return KeptMessage(
        message_id=UUID(int=days_before),
        caisse_code="21",
        audience=audience,
        kind=KIND.RENEWAL,
        subject_id=UUID(int=1),
        partner_id=VALLOMBREUSE.partner_id,
        due_date=TODAY + 20 * DAY,
        days_before=days_before,
        most_urgent=most_urgent or days_before,
        create_time=NOW,
    )


@pytest.mark.parametrize(
    ("days_left", "expected"),
    [
        (400, None),
        (91, None),
        (90, 90),
        (61, 90),
        (60, 60),
        (31, 60),
        (30, 30),
        (16, 30),
        (15, 15),
        (8, 15),
        (7, 7),
        (1, 7),
        (0, 7),
        (-1, 7),
        (-4000, 7),
    ],
)
def test_one_is_reminded_90_60_30_15_and_7_days_before(days_left: int, expected: int | None) -> None:
    assert due_reminder(deadline(TODAY + days_left * DAY), TODAY) == expected


@given(DAYS, st.integers(0, 500))
@example(date(2024, 2, 29), 0)
def test_as_days_pass_each_reminder_is_due_once_and_in_order(due_date: date, overdue: int) -> None:
    found = deadline(due_date)
    passing = every_day(due_date - 120 * DAY, due_date + overdue * DAY)
    told = [due_reminder(found, today) for today in passing]
    changes = [one for one, before in zip(told, [None, *told], strict=False) if one != before]
    assert changes == sorted(REMINDED_DAYS_BEFORE, reverse=True)


@given(st.integers(0, 89))
def test_after_a_long_absence_only_the_most_urgent_is_left(days_left: int) -> None:
    left = due_reminder(deadline(TODAY + days_left * DAY), TODAY)
    assert left is not None
    assert left >= days_left
    assert not [urgent for urgent in REMINDED_DAYS_BEFORE if days_left <= urgent < left]


@given(st.integers(-100, 400))
def test_nothing_is_reminded_of_that_a_look_does_not_find(days_left: int) -> None:
    due_date = TODAY + days_left * DAY
    assert (due_reminder(deadline(due_date), TODAY) is not None) == (due_date <= reminded_until(TODAY))


def test_the_caisse_is_reminded_of_everything() -> None:
    assert AUDIENCES[CAISSE] == set(DeadlineKind)


@pytest.mark.parametrize("kind", DeadlineKind)
def test_a_partner_is_reminded_of_what_it_can_act_upon(kind: DeadlineKind) -> None:
    for_the_caisse_to_watch = {KIND.FORCE_MAJEURE_TERMINATION, KIND.SUSPENSION_END}
    audiences = Addressed(deadline(TODAY, kind), VALLOMBREUSE).audiences
    assert audiences == ([CAISSE] if kind in for_the_caisse_to_watch else [CAISSE, PARTNER])


@pytest.mark.parametrize("kind", DeadlineKind)
def test_a_partner_without_an_e_mail_is_not_written_to(kind: DeadlineKind) -> None:
    assert Addressed(deadline(TODAY, kind), WITHOUT_EMAIL).audiences == [CAISSE]


def test_a_reminder_says_what_of_when_and_to_whom() -> None:
    found = deadline(TODAY + 20 * DAY)
    assert list(reminders_due([Addressed(found, VALLOMBREUSE)], TODAY)) == [
        Reminder(audience, KIND.RENEWAL, found.subject_id, found.partner_id, found.due_date, 30)
        for audience in (CAISSE, PARTNER)
    ]
    assert list(reminders_due([Addressed(found, VALLOMBREUSE)], TODAY - 71 * DAY)) == []


def told_day_after_day(history: History, first: date, last: date) -> Iterator[tuple[date, Reminder]]:
    """The reminders that are written when somebody looks every day."""
    written: set[Reminder] = set()
    for today in every_day(first, last):
        matters = Matters(history.convention, history.ledger, VALLOMBREUSE)
        found = deadlines_of(matters, today, reminded_until(today))
        for reminder in reminders_due((Addressed(each, VALLOMBREUSE) for each in found), today):
            if reminder not in written:
                written.add(reminder)
                yield today, reminder


@pytest.mark.parametrize("signed_on", [SIGNED, date(2024, 2, 29), date(2025, 5, 31)])
@pytest.mark.parametrize("audience", Audience)
def test_each_term_is_told_of_five_times_on_its_days_art_9_1_9_2(signed_on: date, audience: Audience) -> None:
    first, last = signed_on + 250 * DAY, signed_on + 1100 * DAY
    told: defaultdict[tuple[DeadlineKind, date], list[date]] = defaultdict(list)
    for today, reminder in told_day_after_day(signed(signed_on, signed_on), first, last):
        if reminder.audience is audience:
            told[reminder.kind, reminder.due_date].append(today)
    whole = [(kind, day) for kind, day in told if first <= day - 90 * DAY and day <= last]
    assert {kind for kind, _ in whole} == {KIND.RENEWAL, KIND.LAST_DAY_TO_DENOUNCE}
    for kind, day in whole:
        assert told[kind, day] == [day - days_before * DAY for days_before in (90, 60, 30, 15, 7)]


def test_what_is_overdue_is_told_of_once_art_6_1() -> None:
    history = signed()
    history.record(ProviderDeclaration("Numéris", TODAY - 300 * DAY))
    history.record(AgreedEnd(TODAY + 5 * DAY))
    owed = [
        (today, reminder.kind, reminder.days_before)
        for today, reminder in told_day_after_day(history, TODAY, TODAY + 1500 * DAY)
        if reminder.audience is PARTNER and reminder.kind is not KIND.CONVENTION_END
    ]
    assert owed == [(TODAY, KIND.UNDERTAKING, 7), (TODAY + 5 * DAY, KIND.ATTESTATION, 7)]


def test_a_message_tells_of_the_deadline_as_it_is_now() -> None:
    now = replace(deadline(TODAY + 20 * DAY), partner_denomination="Ville de Vallombreuse", user_count=4)
    holding = {now.key: Addressed(now, VALLOMBREUSE)}
    to_caisse, to_partner = still_to_tell([kept(30), kept(30, PARTNER)], holding)
    assert (to_caisse.deadline, to_caisse.recipient_email) == (now, "")
    assert (to_partner.deadline, to_partner.recipient_email) == (now, VALLOMBREUSE.email)
    assert VALLOMBREUSE.email not in repr(to_partner)


def test_a_deadline_that_holds_no_more_is_not_told_of() -> None:
    moved = deadline(TODAY + 21 * DAY)
    assert list(still_to_tell([kept(30)], {})) == []
    assert list(still_to_tell([kept(30)], {moved.key: Addressed(moved, VALLOMBREUSE)})) == []


def test_a_reminder_gives_way_to_a_more_urgent_one() -> None:
    found = deadline(TODAY + 20 * DAY)
    holding = {found.key: Addressed(found, VALLOMBREUSE)}
    told = list(still_to_tell([kept(90, most_urgent=30), kept(60, most_urgent=30), kept(30)], holding))
    assert [message.days_before for message in told] == [30]


def test_a_partner_that_has_no_e_mail_any_more_is_not_written_to() -> None:
    found = deadline(TODAY + 20 * DAY)
    told: list[Message] = list(
        still_to_tell([kept(30), kept(30, PARTNER)], {found.key: Addressed(found, WITHOUT_EMAIL)})
    )
    assert [message.audience for message in told] == [CAISSE]
