"""Deadlines as a calendar that other programs read (RFC 5545)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from icalendar import Calendar, Event

from services.partners.deadlines.calendar import calendar_of
from services.partners.deadlines.domain import Deadline, DeadlineKind, Detail

NOW = datetime(2026, 11, 23, 11, 0, tzinfo=UTC)
DUE = date(2026, 12, 10)
RENEWAL = Deadline(
    kind=DeadlineKind.RENEWAL,
    due_date=DUE,
    partner_id=UUID(int=2),
    partner_denomination="Mairie de Vallombreuse",
    convention_id=UUID(int=1),
    user_count=0,
    detail=Detail.RENEWS,
    subject_id=UUID(int=1),
)
DETAILS = {
    DeadlineKind.CURE_END: Detail.CAISSE,
    DeadlineKind.FORCE_MAJEURE_TERMINATION: Detail.PARTNER,
    DeadlineKind.SUSPENSION_END: Detail.PARTNER,
}
EVERY_KIND = [
    replace(RENEWAL, kind=kind, detail=DETAILS.get(kind, Detail.NONE), user_count=3) for kind in DeadlineKind
]


def read(deadlines: Sequence[Deadline], now: datetime = NOW) -> Calendar:
    """The calendar as another program understands it."""
    calendar = Calendar.from_ical(calendar_of("MSA Bourgogne", deadlines, now))
    assert isinstance(calendar, Calendar)
    return calendar


def event(deadline: Deadline, now: datetime = NOW) -> Event:
    """The one event of a deadline."""
    (found,) = read([deadline], now).events
    return found


def description_of(found: Event) -> str:
    """What an event says at length."""
    return str(found["DESCRIPTION"])


def test_a_calendar_says_whose_it_is() -> None:
    calendar = read([RENEWAL])
    assert calendar["X-WR-CALNAME"] == "Échéances « Quotient familial » – MSA Bourgogne"
    assert (calendar["VERSION"], calendar["CALSCALE"], calendar["METHOD"]) == ("2.0", "GREGORIAN", "PUBLISH")
    assert calendar["PRODID"]


def test_each_deadline_is_one_event_of_a_whole_day() -> None:
    events = read(EVERY_KIND).events
    assert len(events) == len(DeadlineKind)
    for found in events:
        assert [found.decoded("DTSTART"), found.decoded("DTEND")] == [DUE, DUE + timedelta(days=1)]
        assert type(found.decoded("DTSTART")) is date
        assert found.DTSTAMP == NOW
        assert found["TRANSP"] == "TRANSPARENT"


def test_one_is_reminded_seven_days_before() -> None:
    for found in read(EVERY_KIND).events:
        (alarm,) = found.walk("VALARM")
        assert (alarm["ACTION"], alarm.decoded("TRIGGER")) == ("DISPLAY", timedelta(days=-7))
        assert alarm["DESCRIPTION"] == found["SUMMARY"]


@pytest.mark.parametrize(
    ("kind", "article"),
    [
        (DeadlineKind.RENEWAL, "art. 9-1"),
        (DeadlineKind.LAST_DAY_TO_DENOUNCE, "art. 9-2"),
        (DeadlineKind.CONVENTION_END, "art. 9-2, 10"),
        (DeadlineKind.CURE_END, "art. 9-2"),
        (DeadlineKind.FORCE_MAJEURE_TERMINATION, "art. 10"),
        (DeadlineKind.SUSPENSION_END, "art. 7-2"),
        (DeadlineKind.RECERTIFICATION, "art. 4-4, 9-1"),
        (DeadlineKind.ATTESTATION, "art. 6-1"),
        (DeadlineKind.UNDERTAKING, "art. 6-1"),
    ],
)
def test_an_event_names_the_partner_and_the_article(kind: DeadlineKind, article: str) -> None:
    found = event(next(deadline for deadline in EVERY_KIND if deadline.kind is kind))
    assert str(found["SUMMARY"]).endswith(" – Mairie de Vallombreuse")
    assert article in description_of(found)
    assert "{" not in description_of(found)
    assert len(found.categories) == 1


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"kind": DeadlineKind.RECERTIFICATION, "user_count": 1}, "un utilisateur perd son habilitation"),
        ({"kind": DeadlineKind.RECERTIFICATION, "user_count": 2}, "2 utilisateurs perdent leur habilitation"),
        ({"kind": DeadlineKind.SUSPENSION_END, "detail": Detail.PARTNER}, "l’accès du partenaire"),
        ({"kind": DeadlineKind.SUSPENSION_END, "detail": Detail.NONE}, "l’accès d’un utilisateur"),
        ({"kind": DeadlineKind.CURE_END, "detail": Detail.CAISSE}, "adressée par la caisse"),
        ({"kind": DeadlineKind.CURE_END, "detail": Detail.PARTNER}, "adressée par le partenaire"),
        (
            {"kind": DeadlineKind.FORCE_MAJEURE_TERMINATION, "detail": Detail.CAISSE},
            "notification par la caisse",
        ),
    ],
)
def test_an_event_tells_whom_it_is_about(changed: dict[str, Any], words: str) -> None:
    assert words in description_of(event(replace(RENEWAL, **changed)))


def test_the_same_deadline_keeps_its_uid_whatever_else_changes() -> None:
    later = event(replace(RENEWAL, partner_denomination="Ville de Vallombreuse"), NOW + timedelta(days=9))
    assert event(RENEWAL)["UID"] == later["UID"]
    assert event(RENEWAL)["UID"] == "renewal-00000000-0000-0000-0000-000000000001-2026-12-10@qf.msa.fr"


def test_another_kind_subject_or_day_has_another_uid() -> None:
    others = [
        RENEWAL,
        *(deadline for deadline in EVERY_KIND if deadline.kind is not DeadlineKind.RENEWAL),
        replace(RENEWAL, subject_id=UUID(int=3)),
        replace(RENEWAL, due_date=DUE + timedelta(days=1)),
    ]
    assert len({found["UID"] for found in read(others).events}) == len(others)


def test_lines_end_and_fold_as_they_must() -> None:
    written = calendar_of("MSA Bourgogne", EVERY_KIND, NOW)
    assert written.startswith(b"BEGIN:VCALENDAR\r\n")
    assert written.endswith(b"END:VEVENT\r\nEND:VCALENDAR\r\n")
    lines = written.split(b"\r\n")
    assert not [line for line in lines if len(line) > 75 or b"\n" in line or b"\r" in line]
    assert written.count(b"BEGIN:VCALENDAR") == written.count(b"END:VCALENDAR") == 1


def test_a_calendar_without_deadlines_can_be_read() -> None:
    assert read([]).events == []


# Those that a denomination may hold: control and invisible characters are refused when it is registered.
NAMES = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cf", "Cs", "Zl", "Zp")), min_size=1, max_size=200
)


@given(NAMES)
@example("Mairie\\Nord")
@example("\\\\N")
def test_no_denomination_breaks_the_calendar(name: str) -> None:
    found = event(replace(RENEWAL, partner_denomination=name))
    # The library takes a backslash with an N behind it for the end of a line.
    told = name.replace("\\N", "\n")
    assert str(found["SUMMARY"]) == f"Renouvellement de la convention – {told}"
    assert "ATTENDEE" not in found


@pytest.mark.parametrize("name", ["A, B; C", "A\\nB", "A\\", 'A "B"', "END:VEVENT", "É" * 200])
def test_a_denomination_is_told_as_it_is(name: str) -> None:
    found = event(replace(RENEWAL, partner_denomination=name))
    assert str(found["SUMMARY"]).endswith(f" – {name}")
