"""What the bench of the size of quotient's database says of what it measured."""

from io import StringIO

from rich.console import Console

from bench.dossiers import SizeFigures, table
from bench.dossiers_data import Size

FIGURES = SizeFigures(
    small=Size(10_000, 20_000_000),
    large=Size(10_000_000, 13_000_000_000),
    fill_seconds=400.0,
    small_p50_ms=2.0,
    large_p50_ms=3.0,
    small_p99_ms=4.0,
    large_p99_ms=10.0,
)


def test_a_ratio_is_what_the_large_database_costs_in_the_small_one() -> None:
    assert (FIGURES.p50_ratio, FIGURES.p99_ratio) == (1.5, 2.5)


def test_the_table_shows_both_databases_and_both_ratios() -> None:
    console = Console(width=100, file=StringIO())
    with console.capture() as captured:
        console.print(table(FIGURES))
    shown = captured.get()
    for text in ("10,000,000", "13.00 GB", "0.02 GB", "1.50", "2.50"):
        assert text in shown
