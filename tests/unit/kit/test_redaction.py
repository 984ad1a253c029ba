import copy
import hashlib
import pickle
from dataclasses import dataclass

import pytest

from services.kit.nir import Nir
from services.kit.redaction import Confidential, Password, SessionToken

SECRET = "269054958815780"
KINDS = (Confidential, Password, SessionToken, Nir)


@dataclass(frozen=True)
class Holder:
    value: Confidential


@pytest.mark.parametrize("kind", KINDS)
def test_no_way_of_printing_shows_the_value(kind: type[Confidential]) -> None:
    value = kind(SECRET)
    shown = [
        repr(value),
        str(value),
        f"{value}",
        f"{value!r:>40}",
        f"{value:>40}",
        "%s %r" % (value, value),  # noqa: UP031  # the old way is what a slip in a library would use
        repr(Holder(value)),
        repr([value]),
        str({"value": value}),
        str(ValueError(value)),
    ]
    assert not [text for text in shown if SECRET in text]
    assert repr(value) == f"{kind.__name__}(***)"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_it_cannot_be_serialised(kind: type[Confidential], protocol: int) -> None:
    with pytest.raises(TypeError) as refusal:
        pickle.dumps(kind(SECRET), protocol)
    assert SECRET not in str(refusal.value)


def test_it_cannot_be_copied_into_a_plain_one() -> None:
    with pytest.raises(TypeError):
        copy.deepcopy(Password(SECRET))


def test_it_has_no_dictionary_that_a_dump_could_show() -> None:
    assert not hasattr(Confidential(SECRET), "__dict__")


def test_the_value_is_had_by_asking() -> None:
    assert Password(SECRET).reveal() == SECRET


def test_equal_values_of_one_kind_are_equal_and_of_two_kinds_are_not() -> None:
    assert Password(SECRET) == Password(SECRET)
    assert hash(Password(SECRET)) == hash(Password(SECRET))
    assert Password(SECRET) != Password("another")
    assert Password(SECRET) != SessionToken(SECRET)
    assert Password(SECRET) != SECRET


def test_a_session_token_is_stored_as_its_sha256() -> None:
    assert SessionToken("abc").digest() == hashlib.sha256(b"abc").digest()
