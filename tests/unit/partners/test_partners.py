import pytest

from services.kit.errors import InvalidField
from services.partners.partners.domain import numero_tiers


@pytest.mark.parametrize("text", ["1", "T-2026-0001", "x" * 20, "00420"])
def test_a_numero_tiers_is_letters_digits_and_dashes(text: str) -> None:
    assert numero_tiers(text) == text


@pytest.mark.parametrize("text", ["", "x" * 21, "T 1", "T_1", "é", "１", "T1\n"])
def test_anything_else_is_no_numero_tiers(text: str) -> None:
    with pytest.raises(InvalidField) as refused:
        numero_tiers(text)
    assert refused.value.violations[0].rule == "NUMERO_TIERS"
