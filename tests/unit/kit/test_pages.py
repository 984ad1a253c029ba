import pytest

from services.kit.errors import InvalidField
from services.kit.identifiers import decode_page_token, encode_page_token
from services.kit.pages import identifier_after, identifier_before, page_of
from services.partners.history.domain import position_before
from services.partners.partners.domain import numero_tiers_after


def test_a_page_with_more_behind_it_has_a_token() -> None:
    page = page_of(["a", "b", "c"], 2, str)
    assert page.records == ["a", "b"]
    assert decode_page_token(page.next_page_token) == "b"


@pytest.mark.parametrize("found", [[], ["a"], ["a", "b"]])
def test_the_last_page_has_no_token(found: list[str]) -> None:
    page = page_of(found, 2, str)
    assert page.records == found
    assert page.next_page_token == ""


@pytest.mark.parametrize("key", ["not a numéro", "a\0b", "x" * 21])
def test_a_token_of_another_list_is_refused(key: str) -> None:
    for read in (numero_tiers_after, identifier_after, identifier_before, position_before):
        with pytest.raises(InvalidField) as refused:
            read(encode_page_token(key))
        assert refused.value.violations[0].field == "page_token"


@pytest.mark.parametrize("key", ["-1", "²", "1" * 30, "1.0"])
def test_a_token_that_is_no_place_in_the_history_is_refused(key: str) -> None:
    with pytest.raises(InvalidField):
        position_before(encode_page_token(key))
