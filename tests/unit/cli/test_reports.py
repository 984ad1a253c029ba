"""A report tells all that was counted, once, however it is looked at: as rows, as bars, in a spreadsheet."""

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import date

import pytest
from google.type.date_pb2 import Date
from hypothesis import given
from hypothesis import strategies as st

from cli.report_drawing import drawn
from cli.reports import OUTCOMES, Count, Report, is_purged, months, read_count
from msa.quotient.v1 import disclosure_service_pb2 as disclosure_pb
from msa.quotient.v1 import journal_service_pb2 as pb

FIRST, LAST = date(2025, 11, 1), date(2026, 2, 1)
NAMES = {"par-1": "Mairie de Valbrune", "par-2": "Accueil de loisirs Les Tilleuls"}
TERMINAL_CELLS = 80

COUNTS = st.lists(
    st.builds(
        Count,
        month=st.sampled_from(months(FIRST, LAST)),
        partner_id=st.sampled_from(["par-1", "par-2", "par-3"]),
        purpose=st.sampled_from(["PRICING", "CANTEEN", "9"]),
        outcome=st.sampled_from([*OUTCOMES, "7"]),
        consultation_count=st.integers(1, 10_000_000),
    ),
    max_size=40,
)


def report(counts: Sequence[Count], names: Mapping[str, str] = NAMES) -> Report:
    """From November 2025 to February 2026."""
    return Report("21", FIRST, LAST, counts, names)


@given(counts=COUNTS)
def test_whichever_way_it_is_looked_at_a_consultation_counts_once(counts: Sequence[Count]) -> None:
    found = report(counts)
    for tallies in (found.by_month(), found.by_partner(), found.by_purpose()):
        assert sum(sum(tally.values()) for tally in tallies.values()) == found.total
    assert sum(found.by_outcome().values()) == found.total
    read = csv.DictReader(io.StringIO(found.csv().decode("utf-8-sig")), delimiter=";")
    assert sum(int(row["consultation_count"]) for row in read) == found.total


@given(counts=COUNTS)
def test_the_drawing_fits_a_terminal_and_no_bar_is_longer_than_the_longest(counts: Sequence[Count]) -> None:
    lines = drawn(report(counts)) if counts else []
    assert max((line.cell_len for line in lines), default=0) <= TERMINAL_CELLS


def test_a_month_without_a_consultation_is_a_month_of_the_report() -> None:
    found = report([Count(FIRST, "par-1", "PRICING", "AVAILABLE", 3)])
    assert [(month, sum(tally.values())) for month, tally in found.by_month().items()] == [
        (date(2025, 11, 1), 3),
        (date(2025, 12, 1), 0),
        (date(2026, 1, 1), 0),
        (date(2026, 2, 1), 0),
    ]


def test_outcomes_are_told_apart_without_colour() -> None:
    counts = [Count(FIRST, "par-1", "PRICING", outcome, 100) for outcome in OUTCOMES]
    (line,) = [line.plain for line in drawn(report(counts)) if line.plain.startswith("  2025-11 ")]
    assert line.endswith("  █████▓▓▓▓▓▒▒▒▒▒░░░░░·····╱╱╱╱╱")


def test_partners_of_the_same_name_are_two_and_one_that_is_unknown_has_its_id() -> None:
    counts = [Count(FIRST, partner, "PRICING", "AVAILABLE", 5) for partner in ("par-1", "par-2", "par-9")]
    shown = [line.plain for line in drawn(report(counts, {"par-1": "Mairie", "par-2": "Mairie"}))]
    assert sum(line.startswith("  Mairie ") for line in shown) == 2
    assert any(line.startswith("  par-9 ") for line in shown)


def test_a_name_drives_neither_the_terminal_nor_a_spreadsheet() -> None:
    """A dénomination is typed by somebody."""
    counts = [Count(FIRST, partner, "PRICING", "AVAILABLE", 5) for partner in ("par-1", "par-2")]
    found = report(counts, {"par-1": "=HYPERLINK(1)", "par-2": "Ville\x1b[2J"})
    assert "\x1b" not in "".join(line.plain for line in drawn(found))
    text = found.csv().decode("utf-8-sig")
    assert ";'=HYPERLINK(1);" in text
    assert "\x1b" not in text


def test_a_spreadsheet_in_french_opens_it_as_it_is() -> None:
    found = report([Count(FIRST, "par-2", "PRICING", "OPPOSED", 5)], {"par-2": "Crèche « Été » ; n° 2"})
    assert (
        found.csv()
        == (
            "\ufeffmonth;partner_id;partner;purpose;outcome;consultation_count\r\n"
            '2025-11;par-2;"Crèche « Été » ; n° 2";PRICING;OPPOSED;5\r\n'
        ).encode()
    )


def test_a_count_is_read_in_the_words_of_the_protos() -> None:
    message = pb.ConsultationCount(
        month=Date(year=2026, month=1, day=1),
        partner_id="par-1",
        purpose=disclosure_pb.PURPOSE_CANTEEN,
        outcome=disclosure_pb.DISCLOSURE_OUTCOME_NO_QUOTIENT,
        consultation_count=7,
    )
    assert read_count(message) == Count(date(2026, 1, 1), "par-1", "CANTEEN", "NO_QUOTIENT", 7)


@pytest.mark.parametrize(
    ("month", "today", "purged"),
    [
        (date(2023, 11, 1), date(2026, 11, 24), True),
        (date(2023, 11, 1), date(2026, 11, 1), False),
        (date(2023, 12, 1), date(2026, 11, 30), False),
        (date(2023, 10, 1), date(2026, 11, 1), True),
    ],
)
def test_a_month_is_whole_until_its_first_lines_are_past_their_time(
    month: date, today: date, purged: bool
) -> None:
    assert is_purged(month, today, 36) is purged
