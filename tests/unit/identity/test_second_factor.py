"""One-time passwords as RFC 6238 has them, recovery codes, and what a user may type."""

import base64
import hashlib
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import UUID
from xml.etree import ElementTree as ET

import pyotp
import pytest
import segno
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.identity.config import SecondFactorSettings
from services.identity.readable import UNAMBIGUOUS
from services.identity.second_factor.domain import (
    RECOVERY_CODE_COUNT,
    TotpFactor,
    accepted_step,
    new_recovery_codes,
    new_totp_secret,
    otpauth_uri,
    recovery_code_digest,
    typed_recovery_code,
)
from services.identity.second_factor.qr_code import qr_code_svg
from services.kit.redaction import Confidential, OneTimeCode, RecoveryCode, TotpSecret

SECRET = TotpSecret(base64.b32encode(b"12345678901234567890").decode())
NOW = datetime(2026, 11, 23, 9, 0, 0, tzinfo=UTC)
STEP = int(NOW.timestamp()) // 30
ISSUER = "MSA Quotient familial"
LOGIN = "x21-4f7k2m"
# RFC 6238, appendix B, SHA-1; the last six of its eight digits.
VECTORS = [
    (59, "287082"),
    (1111111109, "081804"),
    (1111111111, "050471"),
    (1234567890, "005924"),
    (2000000000, "279037"),
    (20000000000, "353130"),
]


def code_of_step(step: int, secret: TotpSecret = SECRET) -> str:
    return pyotp.TOTP(secret.reveal()).generate_otp(step)


def accepted(typed: str, now: datetime = NOW, last_step: int = 0) -> int | None:
    return accepted_step(SECRET, OneTimeCode(typed), now, last_step)


@pytest.mark.parametrize(("seconds", "code"), VECTORS)
def test_the_codes_are_those_of_rfc_6238(seconds: int, code: str) -> None:
    assert accepted(code, datetime.fromtimestamp(seconds, UTC)) == seconds // 30


@pytest.mark.parametrize("drift", [-1, 0, 1])
def test_a_code_is_accepted_one_step_early_or_late(drift: int) -> None:
    assert accepted(code_of_step(STEP + drift)) == STEP + drift


@pytest.mark.parametrize("drift", [-1000, -3, -2, 2, 3, 1000])
def test_a_code_is_refused_two_steps_early_or_late(drift: int) -> None:
    assert accepted(code_of_step(STEP + drift)) is None


@pytest.mark.parametrize(
    ("seconds_later", "expected"), [(0, STEP), (29.999, STEP), (30, STEP), (59.999, STEP), (60, None)]
)
def test_a_code_lives_to_the_end_of_the_step_after_its_own(
    seconds_later: float, expected: int | None
) -> None:
    assert accepted(code_of_step(STEP), NOW + timedelta(seconds=seconds_later)) == expected


@pytest.mark.parametrize("last_step", [STEP, STEP + 1, STEP + 120])
def test_a_code_works_once_and_none_before_it_afterwards(last_step: int) -> None:
    assert accepted(code_of_step(STEP), last_step=last_step) is None
    assert accepted(code_of_step(STEP), last_step=STEP - 1) == STEP


def test_after_the_code_of_the_step_to_come_only_later_ones_are_accepted() -> None:
    assert accepted(code_of_step(STEP + 1)) == STEP + 1
    assert accepted(code_of_step(STEP), last_step=STEP + 1) is None
    assert accepted(code_of_step(STEP + 2), NOW + timedelta(seconds=30), last_step=STEP + 1) == STEP + 2


@given(st.integers(1, 10**9), st.integers(-3, 3), st.integers(-3, 3))
def test_a_code_is_accepted_for_one_step_about_now_later_than_the_last(
    present: int, drift: int, last_drift: int
) -> None:
    step, last_step = max(present + drift, 0), present + last_drift
    found = accepted(code_of_step(step), datetime.fromtimestamp(present * 30, UTC), last_step)
    if abs(step - present) <= 1 and step > last_step:
        assert found is not None
    if found is not None:
        assert found > last_step
        assert abs(found - present) <= 1
        assert code_of_step(found) == code_of_step(step)


def test_a_code_of_another_secret_is_refused() -> None:
    other = TotpSecret(base64.b32encode(b"another secret of 20").decode())
    assert accepted(code_of_step(STEP, other)) is None


def test_leading_zeros_count() -> None:
    second = datetime.fromtimestamp(1234567890, UTC)
    assert accepted("005924", second) == 1234567890 // 30
    assert accepted("5924", second) is None


@pytest.mark.parametrize("shape", ["{0}{1}", "{0} {1}", " {0}{1}\n", "{0}\u00a0{1}", "{0}\u202f{1}"])
def test_spaces_in_a_code_do_not_count(shape: str) -> None:
    code = code_of_step(STEP)
    assert accepted(shape.format(code[:3], code[3:])) == STEP


@pytest.mark.parametrize(
    "shape",
    [
        "",
        "{0}",
        "{0}{1}0",
        "0{0}{1}",
        "{0}-{1}",
        "+{0}{1}",
        "{0}{1}.0",
        "{0}{1}\0",
        "{0}{1}é",
        "{0}{1}" * 1000,
    ],
)
def test_anything_but_six_digits_is_refused(shape: str) -> None:
    code = code_of_step(STEP)
    assert accepted(shape.format(code[:3], code[3:])) is None


@pytest.mark.parametrize("zero", ["０", "٠", "०", "𝟎"], ids=["full-width", "arabic", "devanagari", "bold"])
def test_digits_that_are_not_ascii_are_refused(zero: str) -> None:
    other = "".join(chr(ord(zero) + int(digit)) for digit in code_of_step(STEP))
    assert other.isdecimal()
    assert accepted(other) is None


def test_a_secret_has_160_random_bits_in_base32() -> None:
    secrets = {new_totp_secret().reveal() for _ in range(100)}
    assert len(secrets) == 100
    assert all(re.fullmatch("[A-Z2-7]{32}", secret) for secret in secrets)
    every_bit = [int.from_bytes(base64.b32decode(secret), "big") for secret in secrets]
    assert all(any(value >> bit & 1 for value in every_bit) for bit in range(160))


@pytest.mark.parametrize(
    ("enrol_time", "minutes", "expected"), [(None, 14, True), (None, 15, False), (NOW, 1, False)]
)
def test_what_was_begun_waits_so_long_for_its_first_code(
    enrol_time: datetime | None, minutes: int, expected: bool
) -> None:
    factor = TotpFactor(UUID(int=1), b"", NOW, enrol_time)
    validity = SecondFactorSettings().enrolment_validity
    assert factor.may_be_confirmed(NOW + timedelta(minutes=minutes), validity) is expected


def test_there_are_ten_recovery_codes_of_more_than_80_random_bits() -> None:
    codes = [code.reveal() for _ in range(20) for code in new_recovery_codes()]
    assert len(set(codes)) == len(codes) == 20 * RECOVERY_CODE_COUNT
    assert RECOVERY_CODE_COUNT == 10
    group = f"[{UNAMBIGUOUS}]{{6}}"
    assert all(re.fullmatch(f"{group}-{group}-{group}", code) for code in codes)
    assert len(UNAMBIGUOUS) ** 18 > 2**80
    for position in (*range(6), *range(7, 13), *range(14, 20)):
        assert len({code[position] for code in codes}) > 10


@st.composite
def typings(draw: st.DrawFn) -> tuple[RecoveryCode, str]:
    characters = draw(st.text(UNAMBIGUOUS, min_size=18, max_size=18))
    issued = "-".join((characters[:6], characters[6:12], characters[12:]))
    fillers = st.text(" -\t\n\u00a0", max_size=3)
    letters = (draw(st.sampled_from([each.lower(), each.upper()])) for each in characters)
    typed = draw(fillers) + "".join(letter + draw(fillers) for letter in letters)
    return RecoveryCode(issued), typed


@given(typings())
def test_case_dashes_and_spaces_in_a_recovery_code_do_not_count(typing: tuple[RecoveryCode, str]) -> None:
    issued, typed = typing
    assert typed_recovery_code(OneTimeCode(typed)) == issued


@given(st.text())
def test_whatever_is_typed_is_a_recovery_code_as_issued_or_none(typed: str) -> None:
    code = typed_recovery_code(OneTimeCode(typed))
    if code is not None:
        assert typed_recovery_code(OneTimeCode(code.reveal())) == code


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "287082",
        "k7m2px-4w9qrt-3bcde",
        "k7m2px-4w9qrt-3bcdefg",
        "k7m2px_4w9qrt_3bcdef",
        "k7m2p0-4w9qrt-3bcdef",
        "l7m2px-4w9qrt-3bcdef",
        # The Kelvin sign, whose small letter is an ordinary k.
        "\u212a7m2px-4w9qrt-3bcdef",
        "k7m2px-4w9qrt-3bcdeｆ",
    ],
)
def test_what_has_not_the_shape_of_a_recovery_code_is_none(typed: str) -> None:
    assert typed_recovery_code(OneTimeCode(typed)) is None


def test_a_recovery_code_is_stored_as_its_sha_256() -> None:
    (code, *_) = new_recovery_codes()
    assert recovery_code_digest(code) == hashlib.sha256(code.reveal().encode()).digest()


def test_the_uri_is_what_authenticator_apps_read() -> None:
    uri = urlsplit(otpauth_uri(SECRET, ISSUER, LOGIN).reveal())
    assert (uri.scheme, uri.netloc) == ("otpauth", "totp")
    assert uri.path == "/MSA%20Quotient%20familial:x21-4f7k2m"
    assert unquote(uri.path) == f"/{ISSUER}:{LOGIN}"
    # Some apps show a plus as a plus.
    assert "+" not in uri.query
    assert parse_qs(uri.query) == {"secret": [SECRET.reveal()], "issuer": [ISSUER]}


def test_an_app_that_reads_the_uri_makes_codes_that_are_accepted() -> None:
    secret = new_totp_secret()
    app = pyotp.parse_uri(otpauth_uri(secret, ISSUER, LOGIN).reveal())
    assert isinstance(app, pyotp.TOTP)
    assert accepted_step(secret, OneTimeCode(app.at(NOW)), NOW, 0) == STEP


def test_the_qr_code_shows_the_uri_with_a_quiet_zone_round_it() -> None:
    uri = otpauth_uri(new_totp_secret(), ISSUER, LOGIN)
    drawn = _modules(qr_code_svg(uri).reveal())
    expected = [list(row) for row in segno.make_qr(uri.reveal(), error="m").matrix_iter(border=4)]
    assert drawn == expected
    other = otpauth_uri(new_totp_secret(), ISSUER, LOGIN)
    assert _modules(qr_code_svg(other).reveal()) != expected


def test_the_qr_code_is_an_svg_document_that_refers_to_nothing() -> None:
    svg = qr_code_svg(otpauth_uri(SECRET, ISSUER, LOGIN)).reveal()
    root = ET.fromstring(svg)  # noqa: S314 - our own text
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert {element.tag.partition("}")[2] for element in root.iter()} == {"svg", "path"}
    assert {name for element in root.iter() for name in element.keys()} == {  # noqa: SIM118 - no mapping
        "viewBox",
        "fill",
        "stroke",
        "d",
    }
    assert svg.count("http") == 1
    assert SECRET.reveal() not in svg


def test_no_secret_shows_itself() -> None:
    secret = new_totp_secret()
    uri = otpauth_uri(secret, ISSUER, LOGIN)
    shown: list[Confidential] = [secret, uri, qr_code_svg(uri), *new_recovery_codes()]
    factor = TotpFactor(UUID(int=1), b"sealed-sentinel", NOW)
    assert {str(each) for each in shown} == {"TotpSecret(***)", "RecoveryCode(***)"}
    assert "sealed-sentinel" not in repr(factor)


@pytest.mark.parametrize("issuer", ["", "MSA: Quotient", "x" * 65])
def test_an_issuer_that_apps_cannot_show_stops_the_start(issuer: str) -> None:
    with pytest.raises(ValidationError):
        SecondFactorSettings(issuer=issuer)


def _modules(svg: str) -> list[list[int]]:
    """Which modules the document draws dark, from its lines; the first path is the light ground."""
    root = ET.fromstring(svg)  # noqa: S314 - our own text
    width, height = map(int, root.attrib["viewBox"].split()[2:])
    ground, lines = (path.attrib for path in root)
    assert (ground["fill"], lines["stroke"]) == ("#fff", "#000")
    assert ground["d"] == f"M0 0h{width}v{height}h-{width}z"
    modules = [[0] * width for _ in range(height)]
    x, y = 0, -0.5
    for move_x, move_y, length in re.findall(r"[Mm](-?[\d.]+) (-?[\d.]+)h([\d.]+)", lines["d"]):
        x, y = x + int(move_x), y + float(move_y)
        for _ in range(int(length)):
            modules[int(y)][x] = 1
            x += 1
    return modules
