"""Devices known from earlier sign-ins: which token is recognised, and which is not."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.identity.attempts.devices import Devices
from services.kit.redaction import DeviceToken

NOW = datetime(2026, 11, 23, 9, 0, 0, 123_000, tzinfo=UTC)
VALIDITY = timedelta(days=180)
MILLISECOND = timedelta(milliseconds=1)
LOGIN = "x21-4f7k2m"
DEVICE = UUID("01a207a2-3280-742e-a654-9f19a2b484c0")
DEVICES = Devices(b"k" * 32, VALIDITY)
TOKEN = DEVICES.issue(LOGIN, 3, DEVICE, NOW)


def _recognised(text: str) -> UUID | None:
    return DEVICES.recognise(DeviceToken(text), LOGIN, 3, NOW)


def test_a_device_is_recognised_until_the_instant_its_token_is_too_old() -> None:
    assert DEVICES.recognise(TOKEN, LOGIN, 3, NOW) == DEVICE
    assert DEVICES.recognise(TOKEN, LOGIN, 3, NOW + VALIDITY - MILLISECOND) == DEVICE
    assert DEVICES.recognise(TOKEN, LOGIN, 3, NOW + VALIDITY) is None


def test_a_sign_in_renews_what_is_known_of_a_device() -> None:
    renewed = DEVICES.issue(LOGIN, 3, DEVICE, NOW + VALIDITY)
    assert DEVICES.recognise(renewed, LOGIN, 3, NOW + VALIDITY) == DEVICE


def test_another_server_whose_clock_is_behind_recognises_it() -> None:
    again = Devices(b"k" * 32, VALIDITY)
    assert again.recognise(TOKEN, LOGIN, 3, NOW - timedelta(hours=1)) == DEVICE


def test_a_device_of_one_account_is_a_stranger_to_all_others() -> None:
    assert DEVICES.recognise(TOKEN, "x21-4f7k2n", 3, NOW) is None
    assert DEVICES.recognise(TOKEN, "", 3, NOW) is None


@pytest.mark.parametrize("generation", [2, 4, -3, 0])
def test_replacing_lost_credentials_makes_all_devices_strangers(generation: int) -> None:
    assert DEVICES.recognise(TOKEN, LOGIN, generation, NOW) is None


def test_a_token_made_with_another_key_is_none() -> None:
    forged = Devices(b"j" * 32, VALIDITY).issue(LOGIN, 3, DEVICE, NOW)
    assert DEVICES.recognise(forged, LOGIN, 3, NOW) is None


def test_a_shorter_validity_holds_for_tokens_that_are_out() -> None:
    stricter = Devices(b"k" * 32, timedelta(days=1))
    assert stricter.recognise(TOKEN, LOGIN, 3, NOW + timedelta(days=1)) is None


def test_no_bit_of_a_token_can_be_changed() -> None:
    raw = base64.urlsafe_b64decode(TOKEN.reveal())
    for bit in range(len(raw) * 8):
        changed = bytearray(raw)
        changed[bit // 8] ^= 1 << bit % 8
        assert _recognised(base64.urlsafe_b64encode(changed).decode()) is None
    assert _recognised(base64.urlsafe_b64encode(raw).decode()) == DEVICE


@pytest.mark.parametrize(
    "text",
    [
        "",
        "=" * 76,
        "A" * 76,
        "A" * 74 + "==",
        "é" * 76,
        "\x00" * 76,
        TOKEN.reveal()[:-1],
        TOKEN.reveal() + "A",
        TOKEN.reveal() + "\n",
        f" {TOKEN.reveal()}"[:76],
        TOKEN.reveal() * 100_000,
    ],
    ids=range(11),
)
def test_what_is_no_token_is_no_error_either(text: str) -> None:
    assert _recognised(text) is None


def test_what_is_too_long_is_not_even_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    decode, decoded = base64.b64decode, list[int]()

    def counting(text: str, **options: Any) -> bytes:
        decoded.append(len(text))
        return decode(text, **options)

    monkeypatch.setattr(base64, "b64decode", counting)
    assert _recognised("A" * 10_000_000) is None
    assert _recognised(TOKEN.reveal()) == DEVICE
    assert decoded == [76]


@given(st.text(max_size=100) | st.text(min_size=76, max_size=76) | st.binary(min_size=57, max_size=57))
def test_nobody_guesses_a_token(text: str | bytes) -> None:
    assert _recognised(text if isinstance(text, str) else base64.urlsafe_b64encode(text).decode()) is None


def test_a_token_is_opaque_and_fit_for_a_cookie() -> None:
    assert LOGIN not in f"{TOKEN} {TOKEN!r}"
    assert LOGIN.encode() not in base64.urlsafe_b64decode(TOKEN.reveal())
    assert TOKEN.reveal().replace("-", "").replace("_", "").isalnum()
    assert len(TOKEN.reveal()) == 76
