"""A register of oppositions as files have it: what is read, what is refused, and that no value is repeated (N5)."""

import io
import json
from contextlib import suppress
from datetime import date
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cli.errors import UsageFailed
from cli.opposition_file import COLUMNS, Format, Register, format_of
from cli.parameters import STANDARD_INPUT
from cli.refusals import LineRefused
from cli.text_lines import Line
from msa.quotient.v1 import opposition_service_pb2 as pb
from services.kit.messages import to_date
from tests.unit.cli.lines import NIR

PARTNER = "01900000-0000-7000-8000-000000000001"
FULL = {
    "nir": NIR,
    "caisse": "21",
    "partner": PARTNER,
    "received_on": "2024-02-29",
    "channel": "letter",
    "requester": "representative",
    "declared_by": "partner",
    "reference": "GED 2024-7",
}
LEAST = {name: FULL[name] for name in ("nir", "caisse", "received_on")}


def csv(*rows: str, header: str = ",".join(COLUMNS)) -> bytes:
    return "\n".join([header, *rows]).encode()


def read(content: bytes, written: Format) -> list[pb.RecordOppositionRequest]:
    register = Register(io.BytesIO(content), written)
    return [register.parse(line) for line in register if not line.is_blank]


def refused(content: bytes, written: Format) -> tuple[str, str, str]:
    with pytest.raises(LineRefused) as error:
        read(content, written)
    refusal = error.value.refusal
    return refusal.field, refusal.rule, refusal.reason


def as_csv(fields: dict[str, str], separator: str = ",") -> bytes:
    return csv(separator.join(fields.values()), header=separator.join(fields))


def as_ndjson(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields).encode()


EXPECTED = pb.RecordOppositionRequest(
    nir=NIR,
    scope=pb.OppositionScope(caisse_code="21", partner_id=PARTNER),
    channel=pb.OPPOSITION_CHANNEL_LETTER,
    requester=pb.OPPOSITION_REQUESTER_REPRESENTATIVE,
    declarant=pb.OPPOSITION_DECLARANT_PARTNER,
    received_on=to_date(date(2024, 2, 29)),
    reference="GED 2024-7",
)


@pytest.mark.parametrize("separator", [",", ";"])
def test_a_csv_says_what_its_columns_name_in_any_order(separator: str) -> None:
    assert read(as_csv(FULL, separator), Format.CSV) == [EXPECTED]
    assert read(as_csv(dict(reversed(FULL.items())), separator), Format.CSV) == [EXPECTED]


def test_ndjson_says_the_same() -> None:
    assert read(as_ndjson(FULL), Format.NDJSON) == [EXPECTED]


def test_what_a_spreadsheet_writes_is_read() -> None:
    content = b"\xef\xbb\xbfnir;caisse;received_on;reference\r\n"
    content += f'" {NIR[0]} {NIR[1:]}";21;2024-02-29;"a / b"\r\n\r\n'.encode()
    (record,) = read(content, Format.CSV)
    assert (record.nir, record.reference) == (NIR, "a / b")


@pytest.mark.parametrize("content", [as_csv(LEAST), as_ndjson({**LEAST, "channel": None})])
def test_what_is_left_out_is_the_person_the_caisse_and_every_partner(content: bytes) -> None:
    written = Format.NDJSON if content.startswith(b"{") else Format.CSV
    (record,) = read(content, written)
    assert record.scope == pb.OppositionScope(caisse_code="21")
    assert record.channel == pb.OPPOSITION_CHANNEL_UNSPECIFIED
    assert record.requester == pb.OPPOSITION_REQUESTER_PERSON
    assert record.declarant == pb.OPPOSITION_DECLARANT_CAISSE


@pytest.mark.parametrize(
    ("changed", "field", "rule"),
    [
        ({"nir": ""}, "nir", "REQUIRED"),
        ({"caisse": " "}, "caisse", "REQUIRED"),
        ({"received_on": ""}, "received_on", "REQUIRED"),
        ({"nir": NIR[:-2] + "00"}, "nir", "NIR_KEY_MISMATCH"),
        ({"received_on": "29/02/2024"}, "received_on", "DATE"),
        ({"received_on": "2023-02-29"}, "received_on", "DATE"),
        ({"channel": "pigeon"}, "channel", "CHOICE"),
        ({"requester": "neighbour"}, "requester", "CHOICE"),
        ({"declared_by": "everybody"}, "declared_by", "CHOICE"),
    ],
)
@pytest.mark.parametrize("written", Format)
def test_a_line_that_breaks_a_rule_is_told_by_field_and_rule_without_its_value(
    changed: dict[str, str], field: str, rule: str, written: Format
) -> None:
    fields = FULL | changed
    told = refused(as_csv(fields) if written is Format.CSV else as_ndjson(fields), written)
    assert told[:2] == (field, rule)
    assert not any(value.strip() and value in told[2] for value in changed.values())


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        (f"{NIR},21", "COLUMN_COUNT"),
        (f'{NIR},21,"2024-02-29', "CSV"),
        (f"{NIR},21,2024-02-29\0", "NUL"),
        (f"{NIR},21,{'x' * 300_000}", "LINE_TOO_LONG"),
    ],
)
def test_a_line_of_another_shape_is_told_as_a_whole(line: str, rule: str) -> None:
    field, told, reason = refused(csv(line, header="nir,caisse,received_on"), Format.CSV)
    assert (field, told) == ("", rule)
    assert NIR not in reason


@pytest.mark.parametrize(
    ("content", "field", "rule"),
    [
        (b"[]", "", "JSON"),
        (b"{", "", "JSON"),
        (b"\xff\xfe", "", "UTF_8"),
        (b"[" * 100_000, "", "JSON"),
        (as_ndjson({**LEAST, "nom": "VAUCLAIRON"}), "", "UNKNOWN_FIELD"),
        (as_ndjson({**LEAST, "nir": int(NIR)}), "nir", "TEXT"),
        (b'{"nir": "1", "nir": "2"}', "", "DUPLICATE_FIELD"),
    ],
)
def test_json_of_another_shape_is_told(content: bytes, field: str, rule: str) -> None:
    told = refused(content, Format.NDJSON)
    assert told[:2] == (field, rule)
    assert "VAUCLAIRON" not in told[2]


@pytest.mark.parametrize(
    "header",
    [
        "",
        "nir,caisse",
        "nir,caisse,received_on,nir",
        "nir,caisse,received_on,nom",
        f"{NIR},21,2024-02-29",
        f'"{NIR}',
        "\0",
    ],
)
def test_a_csv_whose_first_line_names_no_columns_is_not_begun_and_not_repeated(header: str) -> None:
    with pytest.raises(UsageFailed) as refusal:
        Register(io.BytesIO(header.encode()), Format.CSV)
    assert NIR not in refusal.value.message + refusal.value.remedy
    assert "received_on" in refusal.value.remedy


@given(content=st.binary(max_size=200), written=st.sampled_from(Format))
@example(content=b'{"nir": {}}', written=Format.NDJSON)
@example(content=b'{"nir": "\\ud800"}', written=Format.NDJSON)
@example(content=b"\r", written=Format.CSV)
def test_whatever_a_line_holds_it_is_read_or_refused(content: bytes, written: Format) -> None:
    register = Register(io.BytesIO(b"nir,caisse,received_on\n"), written)
    with suppress(LineRefused):
        assert register.parse(Line(2, len(content), content)).nir


@pytest.mark.parametrize(
    ("name", "given_format", "expected"),
    [
        ("a.csv", None, Format.CSV),
        ("a.CSV", None, Format.CSV),
        ("a.ndjson", None, Format.NDJSON),
        ("a.jsonl", None, Format.NDJSON),
        ("a.txt", Format.CSV, Format.CSV),
        ("a.csv", Format.NDJSON, Format.NDJSON),
    ],
)
def test_the_name_of_a_file_tells_how_it_is_written(
    name: str, given_format: Format | None, expected: Format
) -> None:
    assert format_of(STANDARD_INPUT.with_name(name), given_format) is expected


def test_of_standard_input_the_format_must_be_said() -> None:
    with pytest.raises(UsageFailed) as refusal:
        format_of(STANDARD_INPUT, None)
    assert "--format" in refusal.value.remedy
