"""The partner's own reference: free, short, and never a NIR, for the journal keeps it in clear (N5)."""

import pytest

from services.kit.case_reference import read_case_reference
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
    ],
)
def test_the_journal_takes_no_nir_in_a_case_reference(text: str, rule: str) -> None:
    with pytest.raises(InvalidField) as refused:
        read_case_reference(text)
    assert refused.value.violations[0].rule == rule
