"""A convention's life, drawn: a line from the first signature to the end of secrecy, with today on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from rich.text import Text

from cli import views
from cli.output import Row
from msa.partners.v1 import convention_service_pb2 as pb

_PREFIX = "TIMELINE_EVENT_"
# What an entry says: once it has come, and, where it reads otherwise, while it lies ahead.
WORDS: Mapping[str, tuple[str, ...]] = {
    "SIGNATURE": ("Signed{by}",),
    "CNIL_DECLARATION": ("CNIL declaration transmitted (art. 9-1)",),
    "EFFECT": ("Took effect (art. 9-1)", "Takes effect (art. 9-1)"),
    "RENEWAL": ("Renewed itself for a year (art. 9-1)", "Renews itself for a year (art. 9-1)"),
    "LAST_DAY_TO_DENOUNCE": ("Last day to denounce in time (art. 9-2)",),
    "DENUNCIATION": ("Denounced{by} (art. 9-2)",),
    "FORMAL_NOTICE": ("Formal notice{by} (art. 9-2)",),
    "CURE": ("Breach cured (art. 9-2)",),
    "FORCE_MAJEURE": ("Force majeure notified{by} (art. 10)",),
    "FORCE_MAJEURE_END": ("Force majeure over (art. 10)",),
    "FORCE_MAJEURE_TERMINATION_OPEN": ("Either party may end it from here on (art. 10)",),
    "END": ("Over: without effect from this day on", "Ends: without effect from this day on"),
    "AMENDMENT": ("Amendment in effect (art. 2)",),
    "ANNEX_VERSION": ("New version of an annexe (art. 2)",),
    "ATTESTATION": ("Attestation received (art. 6-1)",),
    "SECRECY_END": ("Last day of secrecy (art. 6-1)",),
    "TODAY": ("TODAY",),
}
_PAST, _TODAY, _NEXT, _FUTURE = "dim", "bold cyan", "bold yellow", ""
_MARKS = {_PAST: "●", _TODAY: "◆", _NEXT: "○", _FUTURE: "○"}
_SPINE = Text(f"{'':14}│", _PAST)


@dataclass(frozen=True)
class _Entry:
    day: date
    words: str
    style: str
    days_left: str


def drawn(convention: pb.Convention) -> list[Text]:
    """The timeline, a line for each entry; none where the service told none."""
    entries = _entries(convention.timeline)
    width = max((len(entry.words) for entry in entries), default=0)
    lines: list[Text] = []
    for number, entry in enumerate(entries):
        if number and entries[number - 1].day != entry.day:
            lines.append(_SPINE)
        line = Text(f"  {entry.day}  {_MARKS[entry.style]}  ", entry.style)
        line.append(f"{entry.words:{width}}  {entry.days_left}".rstrip())
        lines.append(line)
    return lines


def rows(convention: pb.Convention) -> list[Row]:
    """The timeline for JSON."""
    return [views.fields(entry) for entry in convention.timeline]


def days_left(days: int) -> str:
    """How far a day is: "in 47 days", "today", "3 days ago"."""
    match days:
        case 0:
            return "today"
        case 1 | -1:
            return "tomorrow" if days == 1 else "yesterday"
        case _:
            return f"in {days} days" if days > 0 else f"{-days} days ago"


def _entries(timeline: Sequence[pb.TimelineEntry]) -> list[_Entry]:
    today = next(
        (views.day(entry, "day") for entry in timeline if entry.event == pb.TIMELINE_EVENT_TODAY), None
    )
    entries: list[_Entry] = []
    for entry in timeline:
        day = views.day(entry, "day")
        if day is None:
            continue
        ahead = (day - today).days if today else 0
        is_next = all(earlier.style in {_PAST, _TODAY} or earlier.day == day for earlier in entries)
        entries.append(
            _Entry(day, _words(entry), _style(entry, is_next=is_next), days_left(ahead) if ahead > 0 else "")
        )
    return entries


def _style(entry: pb.TimelineEntry, *, is_next: bool) -> str:
    match entry.tense:
        case pb.TIMELINE_TENSE_PAST:
            return _PAST
        case pb.TIMELINE_TENSE_TODAY:
            return _TODAY
        case _:
            return _NEXT if is_next else _FUTURE


def _words(entry: pb.TimelineEntry) -> str:
    told = views.fields(entry)
    party, event = told["party"], str(told["event"])
    words = WORDS.get(event, (event.replace("_", " ").capitalize(),))
    ahead = entry.tense == pb.TIMELINE_TENSE_FUTURE
    return words[-1 if ahead else 0].format(by=f" by the {str(party).lower()}" if party else "")
