import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kit.errors import InvalidField
from services.kit.identifiers import (
    decode_page_token,
    encode_page_token,
    new_token,
    new_uuid7,
    page_size,
    parse_uuid,
)

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def refusal_of(read: Callable[[], object]) -> InvalidField | None:
    try:
        read()
    except InvalidField as error:
        return error
    return None


def violation(error: InvalidField) -> tuple[str, str]:
    (found,) = error.violations
    return found.field, found.rule


def test_rows_sort_by_the_instant_they_were_made() -> None:
    made = [new_uuid7(NOON + timedelta(milliseconds=step)) for step in range(100)]
    assert made == sorted(made)
    assert {identifier.version for identifier in made} == {7}


def test_a_uuid7_tells_its_instant() -> None:
    assert new_uuid7(NOON).int >> 80 == int(NOON.timestamp() * 1000)


def test_rows_of_one_instant_differ() -> None:
    assert len({new_uuid7(NOON) for _ in range(1000)}) == 1000


def test_a_token_has_256_random_bits() -> None:
    tokens = {new_token() for _ in range(1000)}
    assert len(tokens) == 1000
    assert {len(base64.urlsafe_b64decode(f"{token}=")) for token in tokens} == {32}


def test_a_uuid_is_read() -> None:
    identifier = new_uuid7(NOON)
    assert parse_uuid("partner_id", str(identifier)) == identifier


@given(st.text())
def test_no_text_for_a_uuid_raises_anything_but_a_refusal(text: str) -> None:
    refusal = refusal_of(lambda: parse_uuid("partner_id", text))
    assert refusal is None or violation(refusal) == ("partner_id", "UUID")


@pytest.mark.parametrize("text", ["", "partner", "0" * 31, "269054958815780"])
def test_a_text_that_is_no_uuid_is_refused(text: str) -> None:
    with pytest.raises(InvalidField):
        parse_uuid("partner_id", text)


@given(st.text())
def test_a_page_token_leads_back_to_its_key(key: str) -> None:
    assert decode_page_token(encode_page_token(key)) == key


@given(st.text())
def test_no_text_for_a_page_token_raises_anything_but_a_refusal(token: str) -> None:
    refusal = refusal_of(lambda: decode_page_token(token))
    assert refusal is None or violation(refusal) == ("page_token", "PAGE_TOKEN")


def test_the_first_page_has_no_token() -> None:
    assert decode_page_token("") == ""


@pytest.mark.parametrize("token", ["!!!!", "=", "YQ==", "YQ\n", "YR", " "])
def test_what_no_page_gave_is_not_taken_for_one(token: str) -> None:
    """Read leniently, the first would be the first page once more, and a list would have no end."""
    refusal = refusal_of(lambda: decode_page_token(token))
    assert refusal is not None
    assert violation(refusal) == ("page_token", "PAGE_TOKEN")


@pytest.mark.parametrize(("asked", "given_"), [(0, 50), (1, 1), (500, 500)])
def test_a_page_has_the_size_asked_for(asked: int, given_: int) -> None:
    assert page_size(asked) == given_


@pytest.mark.parametrize("asked", [-1, 501])
def test_a_page_size_out_of_range_is_refused(asked: int) -> None:
    with pytest.raises(InvalidField) as refusal:
        page_size(asked)
    assert violation(refusal.value) == ("page_size", "RANGE")
