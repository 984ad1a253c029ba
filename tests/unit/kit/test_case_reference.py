"""Texts of a partner: free, short, and never a NIR, for the journal keeps them in clear (N5)."""

import pytest

from services.kit.case_reference import read_case_reference, read_purpose_text
from services.kit.errors import InvalidField


@pytest.mark.parametrize("text", ["", "Cantine 2026-2027", "É_12/A.b", "x" * 64])
def test_a_case_reference_is_the_partner_s_own(text: str) -> None:
    assert read_case_reference(text) == text


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("x" * 65, "CASE_REFERENCE"),
        ("a\nb", "CASE_REFERENCE"),
        ("<b>", "CASE_REFERENCE"),
        ("2 69 05 49 588 157 80", "NIR_IN_REFERENCE"),
        ("dossier 2690549588157", "NIR_IN_REFERENCE"),
        ("２６９０５４９５８８１５７", "NIR_IN_REFERENCE"),
        ("٢٦٩٠٥٤٩٥٨٨١٥٧", "NIR_IN_REFERENCE"),
    ],
)
def test_the_journal_takes_no_nir_in_a_case_reference(text: str, rule: str) -> None:
    with pytest.raises(InvalidField) as refused:
        read_case_reference(text)
    assert refused.value.violations[0].rule == rule


@pytest.mark.parametrize(
    "text", ["Aide aux vacances", "Séjour « neige » : 5 jours, 2 accompagnateurs (été 2026)", "x" * 100]
)
def test_another_purpose_is_said_in_the_partner_s_own_words(text: str) -> None:
    assert read_purpose_text(f" {text}\t", required=True) == text


def test_a_named_purpose_needs_no_words() -> None:
    assert read_purpose_text(" ", required=False) == ""


@pytest.mark.parametrize(
    ("text", "required", "rule"),
    [
        ("", True, "PURPOSE_TEXT"),
        (" \u00a0 ", True, "PURPOSE_TEXT"),
        ("Cantine", False, "PURPOSE_TEXT"),
        ("x" * 101, True, "TEXT"),
        ("two\nlines", True, "TEXT"),
        ("nul\0", True, "TEXT"),
        ("right\u202eto left", True, "TEXT"),
        ("2 69 05 49 588 157 80", True, "NIR_IN_TEXT"),
        ("2,69;05:49(588)157", True, "NIR_IN_TEXT"),
        ("famille 2·69·05·2A·588·157", True, "NIR_IN_TEXT"),
        ("２６９０５４９５８８１５７", True, "NIR_IN_TEXT"),
        ("٢٦٩٠٥٤٩٥٨٨١٥٧", True, "NIR_IN_TEXT"),
    ],
)
def test_a_purpose_in_words_is_one_line_without_a_nir(text: str, required: bool, rule: str) -> None:
    with pytest.raises(InvalidField) as refused:
        read_purpose_text(text, required=required, field="items[3].purpose_text")
    (violation,) = refused.value.violations
    assert (violation.field, violation.rule) == ("items[3].purpose_text", rule)
    assert "588" not in violation.description
