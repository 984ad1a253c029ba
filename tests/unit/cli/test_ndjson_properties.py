"""Whatever a file holds: a dossier, or a refusal that repeats none of it."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cli.ndjson import parse_line
from cli.publication import to_record
from cli.refusals import LineRefused
from cli.text_lines import Line
from tests.unit.cli.lines import DOSSIER

SENTINEL = "ZQXJ7K"

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(SENTINEL)
anything = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.just(SENTINEL), inner, max_size=3)
    ),
    max_leaves=8,
)


def places(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path to every value in `document`."""
    members = (
        document.items()
        if isinstance(document, dict)
        else enumerate(document)
        if isinstance(document, list)
        else ()
    )
    return [path, *(found for key, value in members for found in places(value, (*path, key)))]


def replaced(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    """`document` with another value at `path`."""
    if not path:
        return value
    changed = document.copy()
    changed[path[0]] = replaced(document[path[0]], path[1:], value)
    return changed


def check(content: bytes) -> None:
    told = outcome(content)
    assert SENTINEL not in told
    assert told


def outcome(content: bytes) -> str:
    """The rule and all that a refusal says; "sent" where the line can be sent."""
    try:
        to_record(parse_line(Line(1, len(content), content))).SerializeToString()
    except LineRefused as refused:
        return f"{refused.refusal.rule}{refused.refusal}{refused}{refused!r}"
    return "sent"


@given(st.binary(max_size=200))
def test_any_bytes_are_a_dossier_or_a_refusal(content: bytes) -> None:
    check(content)


@given(st.sampled_from(places(DOSSIER)), anything)
def test_any_value_anywhere_is_a_dossier_or_a_refusal(path: tuple[Any, ...], value: Any) -> None:
    check(json.dumps(replaced(DOSSIER, path, value)).encode())


@given(st.integers(0, 2**31 - 1))
def test_every_amount_comes_through_to_the_cent(cents: int) -> None:
    euros = f"{cents // 100}.{cents % 100:02d}".encode()
    content = (
        json.dumps(replaced(DOSSIER, ("quotient_familial", "valeur"), "@")).encode().replace(b'"@"', euros)
    )
    assert to_record(parse_line(Line(1, len(content), content))).quotient_period.amount_cents == cents
