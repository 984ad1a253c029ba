from datetime import date

import pytest

from services.kit.errors import InvalidField
from services.partners.partners.domain import NO_SEAT, Seat, new_seat, numero_tiers, profile

TODAY = date(2026, 11, 23)
SEAT = Seat("14 rue des Tilleuls", "21990", "Vallombreuse")
MOVED = Seat("2 quai Neuf", "21991", "Combe-Verte")


@pytest.mark.parametrize("text", ["1", "T-2026-0001", "x" * 20, "00420"])
def test_a_numero_tiers_is_letters_digits_and_dashes(text: str) -> None:
    assert numero_tiers(text) == text


@pytest.mark.parametrize("text", ["", "x" * 21, "T 1", "T_1", "é", "１", "T1\n"])
def test_anything_else_is_no_numero_tiers(text: str) -> None:
    with pytest.raises(InvalidField) as refused:
        numero_tiers(text)
    assert refused.value.violations[0].rule == "NUMERO_TIERS"


def siret_of(text: str) -> str:
    return profile(
        representative="",
        representative_function="",
        structure_kind=None,
        departments=(),
        siret=text,
        email="",
    ).siret


# La Poste's: its seat by the rule of all, its post offices by one of their own.
@pytest.mark.parametrize("text", ["73282932000074", "732 829 320 00074", "35600000000048", "35600000049837"])
def test_a_siret_is_taken_when_its_check_digit_fits(text: str) -> None:
    assert siret_of(text) == text.replace(" ", "")


@pytest.mark.parametrize(
    "text", ["73282932000075", "35600000049838", "0" * 14, "7328293200007", "732829320000744", "A" * 14]
)
def test_anything_else_is_no_siret(text: str) -> None:
    with pytest.raises(InvalidField) as refused:
        siret_of(text)
    assert refused.value.violations[0].rule == "SIRET"


@pytest.mark.parametrize("known", [NO_SEAT, Seat(commune="Vallombreuse")])
def test_the_first_seat_needs_no_letter(known: Seat) -> None:
    """Art. 13-7 is about its change."""
    assert new_seat(known, SEAT, None, TODAY) == SEAT


def test_a_change_of_seat_needs_its_letter() -> None:
    """Art. 13-7."""
    assert new_seat(SEAT, MOVED, TODAY, TODAY) == MOVED
    with pytest.raises(InvalidField) as refused:
        new_seat(SEAT, MOVED, None, TODAY)
    (violation,) = refused.value.violations
    assert (violation.field, violation.rule) == ("letter_receipt_date", "DATE_REQUIRED")
    assert "art. 13-7" in violation.description
