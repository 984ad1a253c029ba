"""Time-stamps of RFC 3161, against OpenSSL's authority and OpenSSL's own verification."""

from datetime import UTC, timedelta
from pathlib import Path

import pytest

from services.kit.clock import SystemClock
from services.kit.transparency.timestamp import (
    TimestampRefused,
    granted_token,
    timestamp_of,
    timestamp_query,
    to_response,
    verify_timestamp,
)
from tests.timestamp_authority import TimestampAuthority

NOTE = (
    "qf.example/journal\n5\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n\n— qf.example/journal AAAAAAA=\n"
)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> TimestampAuthority:
    return TimestampAuthority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def token(authority: TimestampAuthority) -> bytes:
    query = timestamp_query(NOTE)
    return granted_token(authority.answer(query.message), query)


def test_a_time_stamp_tells_when_a_note_was_there(authority: TimestampAuthority, token: bytes) -> None:
    told = verify_timestamp(to_response(token), NOTE, authority.ca_file.read_bytes())
    assert told == timestamp_of(token)
    assert told.tzinfo is UTC
    assert abs(SystemClock().now() - told) < timedelta(minutes=2)


def test_openssl_verifies_what_we_keep(authority: TimestampAuthority, token: bytes, tmp_path: Path) -> None:
    response, note = tmp_path / "note.tsr", tmp_path / "note"
    response.write_bytes(to_response(token))
    note.write_text(NOTE, encoding="utf-8")
    verified = authority.openssl(f"ts -verify -in {response} -data {note} -CAfile ca.pem")
    assert "Verification: OK" in verified


def test_the_time_stamp_of_another_note_is_refused(authority: TimestampAuthority, token: bytes) -> None:
    with pytest.raises(TimestampRefused, match="not of this note"):
        verify_timestamp(to_response(token), f"{NOTE} ", authority.ca_file.read_bytes())


def test_another_authority_s_time_stamp_is_refused(tmp_path: Path, token: bytes) -> None:
    other = TimestampAuthority(tmp_path)
    with pytest.raises(TimestampRefused, match="not by that authority"):
        verify_timestamp(to_response(token), NOTE, other.ca_file.read_bytes())


def test_an_answer_to_another_query_is_refused(authority: TimestampAuthority) -> None:
    answer = authority.answer(timestamp_query(NOTE).message)
    with pytest.raises(TimestampRefused, match="another query"):
        granted_token(answer, timestamp_query(NOTE))


def test_an_authority_that_refuses_is_no_time_stamp() -> None:
    rejection = bytes.fromhex("30053003020102")
    with pytest.raises(TimestampRefused, match="granted no"):
        granted_token(rejection, timestamp_query(NOTE))


@pytest.mark.parametrize("cut", [0, 1, 40, 200, -1])
def test_what_is_no_time_stamp_is_refused(authority: TimestampAuthority, token: bytes, cut: int) -> None:
    response = to_response(token)[:cut]
    with pytest.raises(TimestampRefused, match="not a time-stamp"):
        verify_timestamp(response, NOTE, authority.ca_file.read_bytes())


def test_certificates_that_are_none_are_refused(token: bytes) -> None:
    with pytest.raises(TimestampRefused, match="not PEM"):
        verify_timestamp(to_response(token), NOTE, b"no certificate")


def test_a_short_token_is_wrapped_as_well_as_a_long_one() -> None:
    assert to_response(b"x") == b"\x30\x06\x30\x03\x02\x01\x00x"
    assert to_response(bytes(300))[:4] == b"\x30\x82\x01\x31"
