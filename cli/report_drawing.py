"""A report on the terminal: bars in which outcomes are told apart by texture, and by colour where there is any."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate

from rich.text import Text

from cli.output import harmless
from cli.reports import Report, Tally

# Texture and colour of each outcome; a colour-blind reader, or one of a printout, has the texture.
_LOOKS: Mapping[str, tuple[str, str]] = {
    "AVAILABLE": ("█", "blue"),
    "NO_QUOTIENT": ("▓", "cyan"),
    "NOT_FOUND": ("▒", "white"),
    "DOSSIER_CLOSED": ("░", "white"),
    "OUTSIDE_WINDOW": ("·", "white"),
    "OPPOSED": ("╱", "yellow"),
}
_NEW = ("?", "magenta")
_WORDS: Mapping[str, str] = {
    "AVAILABLE": "shown",
    "NO_QUOTIENT": "no quotient for that month",
    "NOT_FOUND": "not found",
    "DOSSIER_CLOSED": "dossier closed",
    "OUTSIDE_WINDOW": "month too far",
    "OPPOSED": "opposed (art. 6-3)",
}
# A line fits a terminal of 80 columns.
_BAR_CELLS = 30
_LABEL_CELLS = 32


def drawn(report: Report) -> list[Text]:
    """The report, line by line."""
    by_month = [(f"{month:%Y-%m}", tally) for month, tally in report.by_month().items()]
    by_partner = [(report.name(partner_id), tally) for partner_id, tally in report.by_partner().items()]
    by_purpose = [(_in_words(purpose), tally) for purpose, tally in report.by_purpose().items()]
    return [
        _title(report),
        *_legend(report),
        *_section("By month", by_month, report.outcomes),
        *_section("By partner", by_partner, report.outcomes),
        *_section("By purpose", by_purpose, report.outcomes),
    ]


def _title(report: Report) -> Text:
    months = f"{report.first_month:%Y-%m} to {report.last_month:%Y-%m}"
    return Text(f"Caisse {report.caisse_code}, {months}: {report.total:,} consultations", "bold")


def _legend(report: Report) -> list[Text]:
    lines = []
    for outcome, count in report.by_outcome().items():
        texture, colour = _LOOKS.get(outcome, _NEW)
        share = f"{100 * count / report.total:5.1f} %"
        line = Text("  ").append(texture * 2, colour)
        lines.append(line.append(f"  {_WORDS.get(outcome, outcome):28}{count:>12,}{share:>10}"))
    return lines


def _section(title: str, tallies: Sequence[tuple[str, Tally]], outcomes: Sequence[str]) -> list[Text]:
    largest = max((sum(tally.values()) for _, tally in tallies), default=0)
    labels = [Text(harmless(label)) for label, _ in tallies]
    width = min(max((label.cell_len for label in labels), default=0), _LABEL_CELLS)
    lines = [Text(), Text(title, "cyan")]
    for label, (_, tally) in zip(labels, tallies, strict=True):
        label.truncate(width, overflow="ellipsis", pad=True)
        count = f"  {sum(tally.values()):>10,}  "
        lines.append(Text("  ").append_text(label).append(count).append_text(_bar(tally, outcomes, largest)))
    return lines


def _bar(tally: Tally, outcomes: Sequence[str], largest: int) -> Text:
    """As long as the tally is to the largest, with a part for each outcome."""
    sums = [0, *accumulate(tally.get(outcome, 0) for outcome in outcomes)]
    ends = [round(_BAR_CELLS * end / largest) if largest else 0 for end in sums]
    bar = Text()
    for number, outcome in enumerate(outcomes):
        texture, colour = _LOOKS.get(outcome, _NEW)
        bar.append(texture * (ends[number + 1] - ends[number]), colour)
    return bar


def _in_words(purpose: str) -> str:
    return purpose.replace("_", " ").lower()
