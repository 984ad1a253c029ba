"""Options that several commands share, and asking before what cannot be undone."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.errors import UsageFailed
from msa.partners.v1 import convention_service_pb2 as convention_pb
from msa.partners.v1 import habilitation_service_pb2 as habilitation_pb
from services.kit.clock import PARIS, SystemClock, paris_date

STANDARD_INPUT = Path("-")
_DAY = "YYYY-MM-DD or today; a time (2027-02-28T23:59) stands for its day in Paris."


def parse_day(text: str) -> date:
    """The day in `text`, in Europe/Paris: "2026-11-23", "today", or an instant. Raises typer.BadParameter.

    "2027-02-28T23:59" is a time in Paris; with an offset, "2027-02-28T23:30Z", it is an instant, here of 1 March.
    """
    if text == "today":
        return today()
    try:
        moment = datetime.fromisoformat(text)
        return moment.date() if moment.tzinfo is None else paris_date(moment)
    except (ValueError, OverflowError):
        raise typer.BadParameter(
            "give a day as YYYY-MM-DD, or today, or a time as 2027-02-28T23:59 (in Paris) or 2027-02-28T22:59Z"
        ) from None


def parse_instant(text: str) -> datetime:
    """The instant in `text`: "2026-12-01 21:00" is a time in Paris, "2026-12-01T21:00Z" has its offset.

    On the two days of the year on which the clocks change, a time that there is not, and one that comes twice, is
    refused. Raises typer.BadParameter.
    """
    try:
        moment = datetime.fromisoformat(text)
        instant = (moment if moment.tzinfo else moment.replace(tzinfo=PARIS)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise typer.BadParameter(_TIME_SHAPE) from None
    if len(text) <= len("2026-12-01"):
        raise typer.BadParameter(_TIME_SHAPE)
    if moment.tzinfo is None:
        _require_one_meaning(moment, instant)
    return instant


_TIME_SHAPE = 'give day and time, "2026-12-01 21:00" in Paris, or with an offset: 2026-12-01T20:00Z'


def _require_one_meaning(moment: datetime, instant: datetime) -> None:
    """A time in Paris is once on its day."""
    if instant.astimezone(PARIS).replace(tzinfo=None) != moment:
        raise typer.BadParameter(
            "in Paris the clocks go forward over this time: there is none such on this day"
        )
    local = moment.replace(tzinfo=PARIS)
    if local.utcoffset() != local.replace(fold=1).utcoffset():
        raise typer.BadParameter(
            "in Paris the clocks go back over this time, which comes twice: say which, with +02:00 or then +01:00"
        )


def today() -> date:
    """The present day in Europe/Paris."""
    return paris_date(SystemClock().now())


class BouquetName(StrEnum):
    """What a habilitation opens (art. 4-2)."""

    QUOTIENT_FAMILIAL = "quotient-familial"
    QUOTIENT_FAMILIAL_RESPONSABLE = "quotient-familial-responsable"

    def to_message(self) -> habilitation_pb.Bouquet.ValueType:
        """As the services name it."""
        return habilitation_pb.Bouquet.Value(f"BOUQUET_{self.name}")


class PartyName(StrEnum):
    """A party to a convention."""

    CAISSE = "caisse"
    PARTNER = "partner"

    def to_message(self) -> convention_pb.Party.ValueType:
        """As the services name it."""
        return convention_pb.Party.Value(f"PARTY_{self.name}")


def day_option(name: str, about: str) -> Any:
    """An option that takes a day."""
    return typer.Option(name, parser=parse_day, metavar="DAY", help=f"{about}: {_DAY}")


CaisseOption = Annotated[str, typer.Option("--caisse", metavar="CODE", help="Code of the caisse, e.g. 21.")]
PartnerOption = Annotated[str, typer.Option("--partner", metavar="UUID", help="The partner's identifier.")]
ConventionOption = Annotated[
    str, typer.Option("--convention", metavar="UUID", help="The convention's identifier.")
]
ConventionArgument = Annotated[str, typer.Argument(metavar="CONVENTION_ID", help="UUID of the convention.")]
HabilitationOption = Annotated[
    str, typer.Option("--habilitation", metavar="UUID", help="The habilitation's identifier.")
]
OnePartnerOption = Annotated[
    str | None, typer.Option("--partner", metavar="UUID", help="Only this partner; else all of the caisse.")
]
ByOption = Annotated[PartyName, typer.Option("--by", help="Which party did it.")]
ReceivedOption = Annotated[date, day_option("--received", "When the other party received the letter")]
DateOption = Annotated[date, day_option("--date", "When it happened")]
LetterReferenceOption = Annotated[
    str, typer.Option("--letter", metavar="REF", help="Number of the registered letter.")
]
ReferenceOption = Annotated[
    str, typer.Option("--reference", metavar="TEXT", help="Where it is filed, in the caisse's own terms.")
]
_REASON = typer.Option("--reason", metavar="TEXT", help="For the record; nobody's name belongs in it.")
ReasonOption = Annotated[str, _REASON]
OptionalReasonOption = Annotated[str, _REASON]
BouquetOption = Annotated[
    BouquetName,
    typer.Option(
        "--bouquet",
        help="What it opens: the look-up of the QF, or with it the review of what the partner's users looked up.",
    ),
]
UntilOption = Annotated[
    date | None, day_option("--until", "The day on which it ends by itself; else it lasts until it is lifted")
]
DefinitiveOption = Annotated[bool, typer.Option("--definitive", help="For good; asks first.")]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")]
LimitOption = Annotated[int, typer.Option("--limit", min=1, help="At most so many lines.")]
NirFileOption = Annotated[
    Path | None,
    typer.Option(
        "--nir-file", metavar="FILE", help="Holds the NIR (- is standard input); without it qf asks for it."
    ),
]
UserFileOption = Annotated[
    Path | None,
    typer.Option(
        "--user-file",
        metavar="FILE",
        help='Holds {"nom": …, "prenom": …, "email": …} (- is standard input); else qf asks for each.',
    ),
]
ScanOption = Annotated[
    Path | None,
    typer.Option("--scan", metavar="FILE", help="The scanned document: its SHA-256 goes on record."),
]
LettersOption = Annotated[
    Path | None,
    typer.Option(
        "--letters",
        metavar="DIR",
        help="Write both letters to the partner into this folder, as PDF; the password is not shown then.",
    ),
]


def confirm(question: str, *, yes: bool) -> None:
    """Asks before what cannot be undone. Raises UsageFailed where there is nobody to ask."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageFailed(f"{question} There is nobody to ask.", "Add --yes if that is meant.")
    typer.confirm(question, abort=True, err=True)


def suspension_kind(
    whom: str, until: date | None, *, definitive: bool, yes: bool
) -> habilitation_pb.SuspensionKind.ValueType:
    """Whether a suspension can end (art. 7-2); asks before one that cannot. Raises UsageFailed."""
    if not definitive:
        return habilitation_pb.SUSPENSION_KIND_TEMPORARY
    if until is not None:
        raise UsageFailed("A suspension ends on a day, or never.", "Leave out --until or --definitive.")
    confirm(f"Suspend {whom} for good? Nobody can lift it.", yes=yes)
    return habilitation_pb.SUSPENSION_KIND_DEFINITIVE
