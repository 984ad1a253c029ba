"""A convention's life is drawn so that it fits a screen and needs no colour."""

import io

import pytest
from google.type.date_pb2 import Date
from rich.console import Console
from rich.text import Text

from cli.timeline import WORDS, days_left, drawn
from msa.partners.v1 import convention_service_pb2 as pb

TODAY = "2027-03-13"


def entry(day: str, event: str, party: pb.Party.ValueType = pb.PARTY_UNSPECIFIED) -> pb.TimelineEntry:
    year, month, number = map(int, day.split("-"))
    tense = (
        pb.TIMELINE_TENSE_TODAY
        if day == TODAY
        else pb.TIMELINE_TENSE_PAST
        if day < TODAY
        else pb.TIMELINE_TENSE_FUTURE
    )
    return pb.TimelineEntry(
        day=Date(year=year, month=month, day=number),
        event=pb.TimelineEvent.Value(f"TIMELINE_EVENT_{event}"),
        tense=tense,
        party=party,
    )


DENOUNCED = pb.Convention(
    timeline=[
        entry("2026-05-20", "CNIL_DECLARATION"),
        entry("2026-05-28", "SIGNATURE", pb.PARTY_PARTNER),
        entry("2026-06-01", "SIGNATURE", pb.PARTY_CAISSE),
        entry("2026-06-01", "EFFECT"),
        entry("2027-02-10", "DENUNCIATION", pb.PARTY_PARTNER),
        entry(TODAY, "TODAY"),
        entry("2027-03-14", "FORCE_MAJEURE_TERMINATION_OPEN"),
        entry("2027-06-01", "END"),
        entry("2032-06-01", "SECRECY_END"),
    ]
)
PICTURE = """\
  2026-05-20  ●  CNIL declaration transmitted (art. 9-1)
              │
  2026-05-28  ●  Signed by the partner
              │
  2026-06-01  ●  Signed by the caisse
  2026-06-01  ●  Took effect (art. 9-1)
              │
  2027-02-10  ●  Denounced by the partner (art. 9-2)
              │
  2027-03-13  ◆  TODAY
              │
  2027-03-14  ○  Either party may end it from here on (art. 10)  tomorrow
              │
  2027-06-01  ○  Ends: without effect from this day on           in 80 days
              │
  2032-06-01  ○  Last day of secrecy (art. 6-1)                  in 1907 days
"""


def printed(lines: list[Text], width: int) -> str:
    file = io.StringIO()
    console = Console(file=file, width=width)
    for line in lines:
        console.print(line)
    return file.getvalue()


@pytest.mark.parametrize("width", [80, 120, 240])
def test_the_life_of_a_convention_is_drawn_the_same_on_every_screen(width: int) -> None:
    assert printed(drawn(DENOUNCED), width) == PICTURE


def test_the_past_is_dim_today_stands_out_and_what_comes_next_is_seen_first() -> None:
    styles = {
        line.plain.split("  ")[3]: str(line.style) for line in drawn(DENOUNCED) if "│" not in line.plain
    }
    assert styles["CNIL declaration transmitted (art. 9-1)"] == "dim"
    assert styles["TODAY"] == "bold cyan"
    assert styles["Either party may end it from here on (art. 10)"] == "bold yellow"
    assert styles["Ends: without effect from this day on"] == ""


def test_everything_on_the_next_day_stands_out() -> None:
    lines = drawn(
        pb.Convention(
            timeline=[
                entry(TODAY, "TODAY"),
                entry("2027-06-01", "RENEWAL"),
                entry("2027-06-01", "AMENDMENT"),
            ]
        )
    )
    assert [str(line.style) for line in lines[2:]] == ["bold yellow", "bold yellow"]


def test_what_happens_today_is_part_of_today() -> None:
    lines = drawn(pb.Convention(timeline=[entry(TODAY, "EFFECT"), entry(TODAY, "TODAY")]))
    assert printed(lines, 80) == f"  {TODAY}  ◆  Took effect (art. 9-1)\n  {TODAY}  ◆  TODAY\n"


def test_a_convention_without_a_timeline_draws_nothing() -> None:
    assert drawn(pb.Convention()) == []


def test_every_event_has_words_of_its_own_that_fit_80_columns() -> None:
    events = {event.removeprefix("TIMELINE_EVENT_") for event in pb.TimelineEvent.keys()}  # noqa: SIM118  # no dict
    assert events - {"UNSPECIFIED"} == set(WORDS)
    sentences = [sentence for told in WORDS.values() for sentence in told]
    assert len(set(sentences)) == len(sentences)
    for sentence in sentences:
        assert len(f"  {TODAY}  ○  {sentence.format(by=' by the partner')}  in 1830 days") <= 80


def test_an_event_of_a_later_release_is_shown_by_its_number() -> None:
    unknown = pb.TimelineEntry(day=Date(year=2027, month=6, day=1))
    unknown.event = 99  # type: ignore[assignment]  # of a later release
    assert "99" in printed(drawn(pb.Convention(timeline=[unknown])), 80)


@pytest.mark.parametrize(
    ("days", "words"),
    [(47, "in 47 days"), (1, "tomorrow"), (0, "today"), (-1, "yesterday"), (-3, "3 days ago")],
)
def test_days_are_told_as_people_tell_them(days: int, words: str) -> None:
    assert days_left(days) == words
