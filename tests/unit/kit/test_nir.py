import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kit.errors import InvalidField
from services.kit.nir import _RULES, Nir


def with_key(first_13: str) -> str:
    """Adds the key as INSEE defines it: 97 less the remainder by 97, with 19 for 2A and 18 for 2B."""
    number = int(first_13.upper().replace("2A", "19").replace("2B", "18"))
    return f"{first_13}{97 - number % 97:02}"


def broken_rule(text: str) -> str:
    with pytest.raises(InvalidField) as refusal:
        Nir.parse(text)
    (violation,) = refusal.value.violations
    assert violation.field == "nir"
    return violation.rule


def attempt(text: str) -> tuple[Nir | None, InvalidField | None]:
    try:
        return Nir.parse(text), None
    except InvalidField as error:
        return None, error


ORDINARY = with_key("2690549588157")


@pytest.mark.parametrize(
    "nir",
    [
        pytest.param("269054958815780", id="INSEE's own example"),
        pytest.param(with_key("1850175012345"), id="metropolitan"),
        pytest.param(with_key("1850197412345"), id="overseas department"),
        pytest.param(with_key("2991299123456"), id="born abroad"),
        pytest.param(with_key("185012A019042"), id="Corse-du-Sud"),
        pytest.param(with_key("185012B019042"), id="Haute-Corse"),
        pytest.param(with_key("3850175012345"), id="foreigner, registration under way, 3"),
        pytest.param(with_key("4850175012345"), id="foreigner, registration under way, 4"),
        pytest.param(with_key("7850175012345"), id="waiting number, 7"),
        pytest.param(with_key("8850175012345"), id="waiting number, 8"),
        pytest.param(with_key("1000175012345"), id="born in a year 00"),
    ],
)
def test_a_well_formed_nir_is_read(nir: str) -> None:
    assert Nir.parse(nir).reveal() == nir


def test_the_two_corsican_departments_have_keys_of_their_own() -> None:
    corse_du_sud, haute_corse = with_key("185012A019042"), with_key("185012B019042")
    assert corse_du_sud[-2:] != haute_corse[-2:]
    assert broken_rule(corse_du_sud.replace("2A", "2B")) == "NIR_KEY_MISMATCH"
    assert broken_rule(haute_corse.replace("2B", "2A")) == "NIR_KEY_MISMATCH"


@pytest.mark.parametrize("month", [*range(1, 13), 20, *range(30, 43), *range(50, 100)])
def test_a_known_or_unknown_month_is_read(month: int) -> None:
    nir = with_key(f"185{month:02}75012345")
    assert Nir.parse(nir).reveal() == nir


@pytest.mark.parametrize("month", [0, *range(13, 20), *range(21, 30), *range(43, 50)])
def test_a_month_that_is_none_is_refused(month: int) -> None:
    assert broken_rule(with_key(f"185{month:02}75012345")) == "NIR_MONTH"


@pytest.mark.parametrize(
    "typed",
    [
        "2 69 05 49 588 157 80",
        "2\u00a069\u00a005\u00a049\u00a0588\u00a0157\u00a080",
        "2\u202f69\u202f05\u202f49\u202f588\u202f157\u202f80",
        "  269054958815780 ",
    ],
)
def test_spaces_are_tolerated(typed: str) -> None:
    assert Nir.parse(typed) == Nir("269054958815780")


def test_small_letters_are_tolerated() -> None:
    assert Nir.parse(with_key("185012A019042").lower()).reveal() == with_key("185012A019042")


@pytest.mark.parametrize(
    ("typed", "rule"),
    [
        pytest.param("", "NIR_LENGTH", id="nothing"),
        pytest.param("   ", "NIR_LENGTH", id="spaces only"),
        pytest.param(ORDINARY[:13], "NIR_LENGTH", id="no key"),
        pytest.param(ORDINARY + "1", "NIR_LENGTH", id="too long"),
        pytest.param("26905495881578O", "NIR_CHARACTERS", id="letter O"),
        pytest.param("2690549588157-80", "NIR_CHARACTERS", id="hyphen"),
        pytest.param("269054958\n815780", "NIR_CHARACTERS", id="line end"),
        pytest.param("269054958815780\n", "NIR_CHARACTERS", id="line end last"),
        pytest.param("２69054958815780", "NIR_CHARACTERS", id="full-width digit"),
        pytest.param("٢69054958815780", "NIR_CHARACTERS", id="Arabic digit"),
        pytest.param("185A12019042111", "NIR_CHARACTERS", id="A outside the department"),
        pytest.param("185013A01904211", "NIR_CHARACTERS", id="3A is no department"),
        pytest.param(with_key("0690549588157"), "NIR_SEX", id="sex 0"),
        pytest.param(with_key("5690549588157"), "NIR_SEX", id="sex 5"),
        pytest.param(with_key("9690549588157"), "NIR_SEX", id="sex 9"),
        pytest.param(with_key("2690500588157"), "NIR_DEPARTMENT", id="department 00"),
        pytest.param(with_key("2690549000157"), "NIR_COMMUNE", id="commune 000"),
        pytest.param(with_key("2690549588000"), "NIR_ORDER", id="order number 000"),
        pytest.param("269054958815781", "NIR_KEY_MISMATCH", id="wrong key"),
        pytest.param("269054958815800", "NIR_KEY_MISMATCH", id="key 00"),
        pytest.param("269054958815799", "NIR_KEY_MISMATCH", id="key 99"),
    ],
)
def test_what_is_wrong_is_told_by_rule(typed: str, rule: str) -> None:
    assert broken_rule(typed) == rule


def test_any_one_wrong_digit_is_noticed() -> None:
    for position, right in enumerate(ORDINARY):
        for wrong in set(string.digits) - {right}:
            typed = f"{ORDINARY[:position]}{wrong}{ORDINARY[position + 1 :]}"
            assert broken_rule(typed).startswith("NIR_")


near_misses = st.from_regex(r"[0-9AB２\n ]{13,17}", fullmatch=True)
FIXED_TEXTS = {(rule, text) for rule, text, _ in _RULES}


@given(st.text() | near_misses | st.from_regex(r"[1-478][0-9]{2}(0[1-9]|1[0-2])[0-9]{10}", fullmatch=True))
def test_no_input_raises_anything_else_nor_is_repeated(typed: str) -> None:
    accepted, refusal = attempt(typed)
    if refusal is not None:
        told = {(violation.rule, violation.description) for violation in refusal.violations}
        assert told <= FIXED_TEXTS
        assert str(refusal) == InvalidField.message
    if accepted is not None:
        assert accepted.reveal() == with_key(accepted.reveal()[:13])


def test_the_field_is_named_as_the_caller_names_it() -> None:
    with pytest.raises(InvalidField) as refusal:
        Nir.parse("1", field="items[3].nir")
    assert [violation.field for violation in refusal.value.violations] == ["items[3].nir"]
