"""The leaf of a line: one text, always the same, that tells nobody's name and repeats none of the partner's words."""

import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kit.transparency.leaf import (
    CANONICAL_LEAF,
    JournalLeaf,
    decode_instant,
    encode_instant,
    hidden_texts,
)

LEAF = JournalLeaf(
    consultation_id=UUID("01919191-9191-7191-9191-919191919191"),
    disclose_time=datetime(2026, 11, 24, 18, 2, 38, 123456, UTC),
    account_id=UUID(int=1),
    habilitation_id=UUID(int=2),
    partner_id=UUID(int=3),
    convention_id=UUID(int=4),
    caisse_code="21",
    person_index=bytes(range(32)),
    person_index_generation=2,
    month=date(2026, 11, 1),
    purpose="CANTEEN",
    outcome="AVAILABLE",
    trace_id="0af7651916cd43dd8448eb211c80319c",
    period_ids=(UUID(int=5),),
    period_starts=(date(2026, 1, 1),),
    period_ends=(None,),
    texts=hidden_texts(bytes(16), "CLSH/118", ""),
)
TEXT = (
    b'{"account_id":"00000000-0000-0000-0000-000000000001",'
    b'"caisse_code":"21",'
    b'"consultation_id":"01919191-9191-7191-9191-919191919191",'
    b'"convention_id":"00000000-0000-0000-0000-000000000004",'
    b'"disclose_time":"2026-11-24T18:02:38.123456Z",'
    b'"habilitation_id":"00000000-0000-0000-0000-000000000002",'
    b'"month":"2026-11",'
    b'"outcome":"AVAILABLE",'
    b'"partner_id":"00000000-0000-0000-0000-000000000003",'
    b'"period_ends":[null],"period_ids":["00000000-0000-0000-0000-000000000005"],'
    b'"period_starts":["2026-01-01"],'
    b'"person_index_generation":2,'
    b'"person_reference":"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",'
    b'"purpose":"CANTEEN",'
    b'"texts":"e004eb88ef8c530691d85e8325543cfb758c422aceb908e598b21d4feef8c203",'
    b'"trace_id":"0af7651916cd43dd8448eb211c80319c",'
    b'"v":1}'
)

instants = st.timedeltas(timedelta(), timedelta(days=70_000)).map(datetime(2000, 1, 1, tzinfo=UTC).__add__)
days = st.dates(date(1900, 1, 1), date(2199, 12, 31))
leaves = st.builds(
    JournalLeaf,
    consultation_id=st.uuids(),
    disclose_time=instants,
    account_id=st.uuids(),
    habilitation_id=st.uuids(),
    partner_id=st.uuids(),
    convention_id=st.uuids(),
    caisse_code=st.from_regex(r"[0-9]{2}", fullmatch=True).filter(str.isascii),
    person_index=st.binary(min_size=32, max_size=32),
    person_index_generation=st.integers(1, 999),
    month=days.map(lambda day: day.replace(day=1)),
    purpose=st.sampled_from(("CANTEEN", "SOCIAL_AID", "OTHER")),
    outcome=st.sampled_from(("AVAILABLE", "NO_QUOTIENT")),
    trace_id=st.sampled_from(("", "0af7651916cd43dd8448eb211c80319c")),
    period_ids=st.lists(st.uuids(), max_size=3),
    period_starts=st.lists(days, max_size=3),
    period_ends=st.lists(st.none() | days, max_size=3),
    texts=st.binary(min_size=32, max_size=32),
)


def test_a_leaf_is_written_so_and_never_otherwise() -> None:
    # What was sealed with version 1 is proved with this text for ever: if this test fails, the code is wrong.
    assert LEAF.encode() == TEXT


@given(leaves)
def test_a_leaf_is_canonical_json_in_one_line(leaf: JournalLeaf) -> None:
    text = leaf.encode()
    document = json.loads(text)
    assert json.dumps(document, sort_keys=True, separators=(",", ":")).encode() == text
    assert re.fullmatch(rb"[\x21-\x7e]+", text)


@given(leaves)
def test_every_leaf_is_recognised_and_its_facts_are_read(leaf: JournalLeaf) -> None:
    match = CANONICAL_LEAF.fullmatch(leaf.encode())
    assert match is not None
    assert match["consultation_id"].decode() == str(leaf.consultation_id)
    assert decode_instant(match["disclose_time"].decode()) == leaf.disclose_time
    assert match["caisse_code"].decode() == leaf.caisse_code


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'"v":1', b'"v":2'),
        (b'"v":1', b'"v": 1'),
        (b'"v":1', b'"v":1,"w":1'),
        (b'"AVAILABLE"', b'"available"'),
        (b"18:02:38.123456Z", b"18:02:38.12345Z"),
        (b"18:02:38.123456Z", b"18:02:38.123456+00:00"),
        (b'"caisse_code":"21",', b""),
        (b'"2026-01-01"', b'"2026-01-01","x"'),
        (b'"21"', b'"\\u0032\\u0031"'),
    ],
)
def test_what_is_not_canonical_is_not_recognised(before: bytes, after: bytes) -> None:
    assert CANONICAL_LEAF.fullmatch(LEAF.encode())
    assert CANONICAL_LEAF.fullmatch(LEAF.encode().replace(before, after)) is None


def test_an_instant_has_six_digits_of_the_second_and_is_in_utc() -> None:
    paris = timezone(timedelta(hours=1))
    assert encode_instant(datetime(2026, 11, 24, 19, 2, 38, tzinfo=paris)) == "2026-11-24T18:02:38.000000Z"


@given(instants, instants)
def test_texts_of_instants_sort_as_they_do(one: datetime, other: datetime) -> None:
    assert (encode_instant(one) < encode_instant(other)) == (one < other)


@given(st.text(), st.text())
def test_the_partner_s_words_do_not_stand_in_the_leaf(case_reference: str, purpose_text: str) -> None:
    texts = hidden_texts(b"a salt of its own", case_reference, purpose_text)
    assert replace(LEAF, texts=texts).encode() != LEAF.encode()
    assert len(texts) == 32


def test_the_words_are_committed_to_each_in_its_place_and_under_its_salt() -> None:
    commitments = {
        hidden_texts(salt, *words)
        for salt in (bytes(16), b"\x01" * 16)
        for words in (("ab", ""), ("", "ab"), ("a", "b"))
    }
    assert len(commitments) == 6
