"""The report to a caisse's director: what it counts, in French, and that nobody stands in it."""

import io
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from pypdf import PdfReader

from cli.letters.records import CaisseIdentity, ConsultationReport
from cli.letters.reporting import consultation_report
from cli.letters.typesetting import render, render_png
from cli.reports import OUTCOMES, Count, Report, months
from tests.unit.cli.letter_samples import pages_of, pdf_of, text_of

WRITTEN = date(2026, 11, 24)
CAISSE = CaisseIdentity(name="MSA Bourgogne")
NAMES = {"par-1": "Mairie de Valbrune", "par-2": "Accueil de loisirs Les Tilleuls"}
FIRST, LAST = date(2026, 1, 1), date(2026, 11, 1)
NARROW_SPACE = "\N{NARROW NO-BREAK SPACE}"


def counts(first: date = FIRST, last: date = LAST, partners: int = 2) -> Sequence[Count]:
    """Every outcome in every month, by every partner."""
    return [
        Count(month, f"par-{partner + 1}", "PRICING", outcome, 1000 - 150 * number)
        for month in months(first, last)
        for partner in range(partners)
        for number, outcome in enumerate(OUTCOMES)
    ]


def letter(
    told: Sequence[Count] | None = None,
    first: date = FIRST,
    last: date = LAST,
    *,
    is_incomplete: bool = False,
) -> ConsultationReport:
    """The report of these counts; of `counts()` where none are given."""
    found = Report("21", first, last, counts(first, last) if told is None else told, NAMES)
    return consultation_report(WRITTEN, CAISSE, found, is_incomplete=is_incomplete)


def test_it_tells_caisse_period_sums_and_that_nobody_stands_in_it() -> None:
    text = text_of(letter())
    for said in (
        "MSA Bourgogne",
        "Rapport de janvier à novembre 2026",
        "82 500 consultations",
        "2 partenaires ont consulté",
        "26,7 % avec un quotient communiqué",
        "5 500 oppositions respectées",
        "établi le 24 novembre 2026",
        "Page 1 sur 2",
        "aucune personne n’y figure, ni allocataire ni agent",
    ):
        assert said in text


def test_every_outcome_partner_purpose_and_month_has_its_numbers() -> None:
    text = text_of(letter())
    for said in (
        "Quotient communiqué",
        "Aucun quotient pour le mois",
        "Dossier introuvable",
        "Dossier clos",
        "Mois non consultable",
        "Opposition de la famille",
        "Mairie de Valbrune 41 250 50,0 % 11 000 9 350 7 700 6 050 4 400 2 750",
        "Calcul d’un tarif 82 500 100,0 % 22 000 18 700 15 400 12 100 8 800 5 500",
        "août 2026 7 500 9,1 % 2 000 1 700 1 400 1 100 800 500",
        "Ensemble 82 500 100,0 % 22 000 18 700 15 400 12 100 8 800 5 500",
    ):
        assert said in text


def test_only_what_was_met_has_a_column() -> None:
    text = text_of(letter([Count(FIRST, "par-1", "CANTEEN", "AVAILABLE", 1)]))
    assert "1 consultation 1 partenaire a consulté 100,0 %" in text
    assert "0 opposition respectée" in text
    assert "Dossier clos" not in text


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        (date(2026, 11, 1), date(2026, 11, 1), "Rapport de novembre 2026"),
        (date(2026, 8, 1), date(2026, 11, 1), "Rapport d’août à novembre 2026"),
        (date(2025, 10, 1), date(2026, 3, 1), "Rapport d’octobre 2025 à mars 2026"),
    ],
)
def test_the_period_reads_as_french(first: date, last: date, said: str) -> None:
    assert said in text_of(letter(first=first, last=last))


def test_what_was_purged_is_said() -> None:
    assert "peuvent être incomplets" in text_of(letter(is_incomplete=True))
    assert "incomplets" not in text_of(letter())


def test_a_report_of_nothing_says_so() -> None:
    text = text_of(letter([]))
    assert "Aucune consultation n’a eu lieu pendant cette période." in text
    assert "0 consultation" in text
    assert len(render_png(letter([]), ppi=10)) == 1


def test_three_years_of_a_large_caisse_are_set_with_their_heads_on_every_page() -> None:
    first = date(2023, 12, 1)
    names = {f"par-{number + 1}": f"Mairie de Valbrune-lès-Ormes n° {number + 1}" for number in range(80)}
    found = Report("21", first, LAST, counts(first, LAST, 80), names)
    pages = pages_of(consultation_report(WRITTEN, CAISSE, found, is_incomplete=False))
    assert all("Quotient communiqué" in page for page in pages)
    assert "Page 1 sur" in pages[0]
    assert "Mairie de Valbrune-lès-Ormes n° 80 " in " ".join(pages)


def test_numbers_have_spaces_that_do_not_break() -> None:
    page, *_ = PdfReader(io.BytesIO(pdf_of(letter()))).pages
    assert f"82{NARROW_SPACE}500" in page.extract_text()


def test_it_is_readable_by_everybody_and_kept() -> None:
    report = letter()
    root: Any = PdfReader(io.BytesIO(pdf_of(report))).root_object
    declared = root["/Metadata"].get_data().decode()
    assert "<pdfuaid:part>1</pdfuaid:part>" in declared
    assert "<pdfaid:part>2</pdfaid:part>" in declared
    assert root["/Lang"] == "fr-FR"
    assert render(report) == render(report)


def test_a_reader_of_the_screen_is_told_what_the_chart_shows() -> None:
    assert "Diagramme en barres empilées" in str(
        _alternatives(PdfReader(io.BytesIO(pdf_of(letter()))).root_object)
    )


def _alternatives(node: Any) -> list[str]:
    """Every text that stands for a figure, in the structure of the document."""
    root = node.get("/StructTreeRoot", node)
    found = [str(root["/Alt"])] if "/Alt" in root else []
    children = root.get("/K", [])
    for child in children if isinstance(children, list) else [children]:
        child_node = child.get_object() if hasattr(child, "get_object") else child
        if isinstance(child_node, dict):
            found += _alternatives(child_node)
    return found


@pytest.mark.parametrize("name", [r"#panic() *gras* $x$ \ <label> `c` @r", "= titre", "// fin [b]"])
def test_a_name_with_markup_prints_as_it_is(name: str) -> None:
    report = letter()
    named = replace(report, partners=(replace(report.partners[0], label=name),))
    assert re.sub(r"\s", "", name) in re.sub(r"\s", "", text_of(named))
