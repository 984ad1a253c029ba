"""A list of records fits the terminal; an identifier in it is folded only where it is wider than the terminal."""

import io

import pytest
from rich.console import Console

from cli.tables import Column, fitted

ID = "01a20ad8-c222-7ddd-a83e-b2f50be8337a"
COLUMNS = (
    Column("partner id", [ID, ID], is_identifier=True),
    Column("denomination", ["Mairie de Montfaucelle-les-Bois", "Crèche"], is_identifier=False),
    Column("suspend time", ["2027-01-15 09:00:00", "—"], is_identifier=False),
)


def printed(width: int) -> list[str]:
    file = io.StringIO()
    console = Console(file=file, width=width)
    for part in fitted("Partners", COLUMNS, ["", "red"], width):
        console.print(part)
    return [line.rstrip() for line in file.getvalue().splitlines()]


def test_a_wide_terminal_has_one_table() -> None:
    assert printed(100) == [
        "Partners",
        "partner id                            denomination                     suspend time",
        f"{ID}  Mairie de Montfaucelle-les-Bois  2027-01-15 09:00:00",
        f"{ID}  Crèche                           —",
    ]


def test_a_narrower_one_has_the_identifiers_beneath() -> None:
    assert printed(60) == [
        "Partners",
        "denomination                     suspend time",
        "Mairie de Montfaucelle-les-Bois  2027-01-15 09:00:00",
        f"  partner id  {ID}",
        "Crèche                           —",
        f"  partner id  {ID}",
    ]


def test_a_narrow_one_folds_between_words() -> None:
    assert printed(50)[2:4] == [
        "Mairie de                      2027-01-15 09:00:00",
        "Montfaucelle-les-Bois",
    ]


def test_a_very_narrow_one_has_a_record_after_the_other() -> None:
    assert printed(40)[:3] == ["Partners", f"partner id    {ID[:26]}", f"              {ID[26:]}"]


@pytest.mark.parametrize("width", [40, 60, 100])
def test_a_row_that_stands_out_does_so_on_every_terminal(width: int) -> None:
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system="standard")
    with console.capture() as capture:
        for part in fitted("Partners", COLUMNS, ["", "red"], width):
            console.print(part)
    (row,) = [line for line in capture.get().splitlines() if "Crèche" in line]
    assert "\x1b[31m" in row


@pytest.mark.parametrize("width", [50, 60, 80, 100, 240])
def test_no_identifier_is_folded_and_no_line_is_too_long(width: int) -> None:
    lines = printed(width)
    assert sum(ID in line for line in lines) == 2
    assert all(len(line) <= width for line in lines)
