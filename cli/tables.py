"""How a list of records fits a terminal: as a table, with the identifiers beneath each row, or record by record.

An identifier is there to be copied: it is folded only where the terminal is narrower than it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

_GAP = 2
# Narrower than this, a text is hard to read: an instant has it. Words are kept whole up to the other.
_NARROWEST = 19
_LONGEST_WORD = 30


@dataclass(frozen=True)
class Column:
    """One field of all the records."""

    label: str
    cells: Sequence[str]
    is_identifier: bool

    @property
    def natural_width(self) -> int:
        """So wide that nothing is folded."""
        return max(len(text) for text in (self.label, *self.cells))

    @property
    def narrowest_width(self) -> int:
        """So wide that it can be read."""
        word = max(len(word) for text in (self.label, *self.cells) for word in text.split())
        return max(min(word, _LONGEST_WORD), min(max(map(len, self.cells)), _NARROWEST))


def fitted(
    title: str, columns: Sequence[Column], styles: Sequence[str], width: int
) -> Iterator[RenderableType]:
    """The records so that they fit; `styles` has the look of each."""
    texts = [column for column in columns if not column.is_identifier]
    widths = _shrunk(texts, width)
    if _total([column.natural_width for column in columns]) <= width:
        yield table(title, columns, styles)
    elif widths is not None:
        yield Text(title, "bold")
        yield _line([Text(column.label, "cyan") for column in texts], widths)
        identifiers = [column for column in columns if column.is_identifier]
        for number, style in enumerate(styles):
            yield _line([Text(column.cells[number]) for column in texts], widths, style)
            for column in identifiers:
                yield Text(f"{'':{_GAP}}{column.label}  {column.cells[number]}", "dim")
    else:
        yield Text(title, "bold")
        for number, style in enumerate(styles):
            yield _card(columns, number, style)


def table(title: str, columns: Sequence[Column], styles: Sequence[str]) -> Table:
    """The records as one table, in which texts are folded where they must."""
    drawn = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for column in columns:
        width = column.natural_width if column.is_identifier else None
        drawn.add_column(column.label, header_style="cyan", overflow="fold", width=width)
    for number, style in enumerate(styles):
        drawn.add_row(*(Text(column.cells[number]) for column in columns), style=style)
    return drawn


def _shrunk(columns: Sequence[Column], width: int) -> Sequence[int] | None:
    """Widths that fit, the widest narrowed first; None where that cannot be."""
    widths = [column.natural_width for column in columns]
    while _total(widths) > width:
        spare = [
            (now, number)
            for number, (now, column) in enumerate(zip(widths, columns, strict=True))
            if now > column.narrowest_width
        ]
        if not spare:
            return None
        widths[max(spare)[1]] -= 1
    return widths


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + _GAP * (len(widths) - 1)


def _line(cells: Sequence[Text], widths: Sequence[int], style: str = "") -> Table:
    line = Table.grid(padding=(0, _GAP, 0, 0))
    for width in widths:
        line.add_column(width=width, overflow="fold")
    line.add_row(*cells, style=style)
    return line


def _card(columns: Sequence[Column], number: int, style: str) -> Table:
    card = Table.grid(padding=(0, _GAP, 0, 0))
    card.add_column(style="cyan", no_wrap=True)
    card.add_column(overflow="fold", style=style)
    for column in columns:
        card.add_row(column.label, Text(column.cells[number]))
    card.add_row()
    return card
