"""`qf dossiers import` on the real service: every format, and each kind of bad input told by line, field and reason."""

import asyncio
import json
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from msa.quotient.v1 import disclosure_service_pb2 as disclosure_pb
from tests.integration.cli.process import Qf, Told
from tests.integration.quotient.caller import Caller, item
from tests.people import new_nir
from tests.stack import Stack
from tests.unit.cli.lines import line
from tests.unit.cli.rows import csv_file, row

CAISSE = "63"
JANUARY = date(2026, 1, 1)
MARCH = date(2026, 3, 1)
AVAILABLE = disclosure_pb.DISCLOSURE_OUTCOME_AVAILABLE
CLOSED = disclosure_pb.DISCLOSURE_OUTCOME_DOSSIER_CLOSED
NOT_FOUND = disclosure_pb.DISCLOSURE_OUTCOME_NOT_FOUND


@pytest.fixture(scope="module")
def qf(stack: Stack) -> Qf:
    return Qf(stack.layout.qf_config_file)


def a_row(nir: str, **changes: Any) -> dict[str, Any]:
    return row(caisse=CAISSE, numero_dossier=f"I{nir[:13]}", nir=nir, mois="1", **changes)


def a_line(nir: str, /, **changes: Any) -> bytes:
    quotient = {"valeur": 612.34, "annee": 2026, "mois": 1}
    return line(
        **{"caisse": CAISSE, "numero_dossier": f"I{nir[:13]}", "nir": nir, "quotient_familial": quotient}
        | changes
    )


def parquet_file(*rows: Mapping[str, Any]) -> bytes:
    sink = pa.BufferOutputStream()
    typed = [{**each, **{name: int(each[name]) for name in ("annee", "mois")}} for each in rows]
    parquet.write_table(
        pa.Table.from_pylist([{k: v for k, v in each.items() if "calcul" not in k} for each in typed]), sink
    )
    return bytes(sink.getvalue())


async def run(qf: Qf, path: Path, content: bytes, *arguments: str) -> Told:
    await asyncio.to_thread(path.write_bytes, content)
    return await qf.run("dossiers", "import", str(path), "--json", *arguments)


def refusals(told: Told) -> list[tuple[int, str, str]]:
    assert all(each["reason"] for each in json.loads(told.stdout)["refusals"])
    return [(each["line"], each["field"], each["rule"]) for each in json.loads(told.stdout)["refusals"]]


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("d.ndjson", lambda nirs: b"".join(a_line(nir) for nir in nirs)),
        ("d.csv", lambda nirs: csv_file(*(a_row(nir) for nir in nirs))),
        ("d.parquet", lambda nirs: parquet_file(*(a_row(nir) for nir in nirs))),
    ],
)
async def test_each_format_goes_in(
    qf: Qf, caller: Caller, tmp_path: Path, name: str, write: Callable[[list[str]], bytes]
) -> None:
    nirs = [new_nir() for _ in range(3)]
    told = await run(qf, tmp_path / name, write(nirs))
    assert (told.status, json.loads(told.stdout)["created"]) == (0, 3)
    results = await caller.disclose(*(item(nir, caisse_code=CAISSE, month=JANUARY) for nir in nirs))
    assert [result.outcome for result in results] == [AVAILABLE] * 3
    assert [[period.amount_cents for period in result.periods] for result in results] == [[61234]] * 3
    again = await run(qf, tmp_path / name, write(nirs))
    assert (again.status, json.loads(again.stdout)["unchanged"]) == (0, 3)


def by_days(nir: str, first: str, last: str) -> dict[str, Any]:
    return a_row(nir) | {"annee": "", "mois": "", "valid_from": first, "valid_to": last}


# Of two good people and one bad one, whose line or row is the second where nothing else is said.
Write = Callable[[str, str, str], bytes]


def csv_with(**changes: str) -> Write:
    return lambda one, bad, other: csv_file(a_row(one), a_row(bad) | changes, a_row(other))


def ndjson_with(**changes: Any) -> Write:
    return lambda one, bad, other: a_line(one) + a_line(bad, **changes) + a_line(other)


def parquet_with(**changes: Any) -> Write:
    return lambda one, bad, other: parquet_file(a_row(one), a_row(bad) | changes, a_row(other))


def csv_of_overlapping_rows(one: str, _: str, other: str) -> bytes:
    first, second = by_days(one, "2026-01-01", "2026-06-30"), by_days(one, "2026-06-30", "2026-12-31")
    return csv_file(first, second, by_days(other, "2026-01-01", ""))


OTHERS = "autres_quotients_familiaux"
BAD_KEY = "269054958815781"


@pytest.mark.parametrize(
    ("name", "write", "line_number", "field", "rule"),
    [
        # Of the file's reader.
        ("d.csv", csv_with(mois="13"), 3, "mois", "MONTH"),
        ("d.csv", csv_with(valeur="612,34"), 3, "valeur", "VALEUR_COMMA"),
        ("d.csv", csv_with(nir=BAD_KEY), 3, "nir", "NIR_KEY_MISMATCH"),
        ("d.csv", csv_with(lieu_dit="LE; MOULIN"), 3, "", "CELL_COUNT"),
        ("d.csv", csv_of_overlapping_rows, 3, "valid_from", "PERIODS_OVERLAP"),
        ("d.csv", lambda one, bad, other: csv_file(a_row(one), a_row(other), a_row(bad))[:-3], 4, "", "CUT"),
        ("d.ndjson", lambda one, bad, other: a_line(one) + a_line(other) + a_line(bad)[:-9], 3, "", "CUT"),
        ("d.ndjson", ndjson_with(nir=BAD_KEY), 2, "nir", "NIR_KEY_MISMATCH"),
        (
            "d.ndjson",
            ndjson_with(quotient_familial={"valeur": 1}, valid_from="2026-02-01", valid_to="2026-01-31"),
            2,
            "valid_to",
            "PERIOD_ORDER",
        ),
        (
            "d.ndjson",
            ndjson_with(**{OTHERS: [{"valeur": 1, "annee": 2026, "mois": 1}]}),
            2,
            f"{OTHERS}[0]",
            "PERIODS_OVERLAP",
        ),
        ("d.parquet", parquet_with(mois="13"), 2, "mois", "MONTH"),
        ("d.parquet", parquet_with(valeur="612,34"), 2, "valeur", "VALEUR_COMMA"),
        # Of the service.
        ("d.csv", csv_with(numero_dossier="D-1"), 3, "numero_dossier", "NUMERO_DOSSIER"),
        ("d.csv", csv_with(caisse="2"), 3, "caisse", "CAISSE_CODE"),
        ("d.csv", csv_with(valeur="100000.01"), 3, "valeur", "AMOUNT_RANGE"),
        ("d.csv", csv_with(prenoms="x" * 201), 3, "prenoms", "TEXT_LENGTH"),
        ("d.ndjson", ndjson_with(radie_le="1850-01-01"), 2, "radie_le", "DATE_RANGE"),
        ("d.ndjson", ndjson_with(adresse={"pays": "x" * 201}), 2, "adresse.pays", "TEXT_LENGTH"),
        ("d.parquet", parquet_with(lieu_dit="x" * 201), 2, "lieu_dit", "TEXT_LENGTH"),
    ],
)
async def test_a_bad_line_is_told_by_line_field_and_rule_and_the_others_go_in(
    qf: Qf, caller: Caller, tmp_path: Path, name: str, write: Write, line_number: int, field: str, rule: str
) -> None:
    one, bad, other = (new_nir() for _ in range(3))
    told = await run(qf, tmp_path / name, write(one, bad, other))
    assert told.status == 3
    assert refusals(told) == [(line_number, field, rule)]
    assert bad[:13] not in told.stdout + told.stderr
    results = await caller.disclose(
        *(item(nir, caisse_code=CAISSE, month=JANUARY) for nir in (one, bad, other))
    )
    assert [result.outcome for result in results] == [AVAILABLE, NOT_FOUND, AVAILABLE]


@pytest.mark.parametrize(
    ("name", "write", "rule"),
    [
        ("d.csv", lambda nir: csv_file(a_row(nir)).decode().encode("latin-1"), "ENCODING"),
        ("d.csv", lambda nir: csv_file(a_row(nir)).decode().encode("utf-16"), "ENCODING"),
        ("d.ndjson", lambda nir: a_line(nir).decode().encode("utf-16"), "ENCODING"),
        ("d.csv", lambda nir: csv_file(a_row(nir, matricule="1")), "UNKNOWN_COLUMN"),
        ("d.csv", lambda _: csv_file({"caisse": CAISSE, "nir": ""}), "MISSING_COLUMN"),
        ("d.csv", lambda nir: csv_file(a_row(nir), separator="\t"), "SEPARATOR"),
        ("d.parquet", lambda nir: parquet_file(a_row(nir))[:-20], "PARQUET"),
    ],
)
async def test_a_file_that_cannot_be_read_is_refused_as_a_whole_with_the_remedy(
    qf: Qf, caller: Caller, tmp_path: Path, name: str, write: Callable[[str], bytes], rule: str
) -> None:
    nir = new_nir()
    told = await run(qf, tmp_path / name, write(nir))
    error = json.loads(told.stderr)["error"]
    assert (told.status, error["reason"]) == (1, rule)
    assert error["remedy"]
    assert nir[:13] not in told.stderr
    assert (await caller.consult(item(nir, caisse_code=CAISSE))).outcome == NOT_FOUND


async def test_a_rectification_is_listed_with_its_reference_and_its_counts(qf: Qf, tmp_path: Path) -> None:
    told = await run(qf, tmp_path / "d.ndjson", a_line(new_nir()) + b"{}\n", "--rectification", "RAR 2026-17")
    assert told.status == 3
    newest, *_ = await qf.json("dossiers", "publications", "--limit", "5")
    assert (newest["kind"], newest["reference"], newest["last_line"]) == ("RECTIFICATION", "RAR 2026-17", 2)
    assert (newest["created_count"], newest["refused_count"]) == (1, 1)
    assert newest["end_time"]


async def test_several_allocataires_and_a_closed_dossier_come_from_a_file(
    qf: Qf, caller: Caller, tmp_path: Path
) -> None:
    one, other = new_nir(), new_nir()
    content = csv_file(a_row(one, nir_2=other, nom_naissance_2="DORMEVILLE", radie_le="2026-03-01"))
    assert (await run(qf, tmp_path / "d.csv", content)).status == 0
    results = await caller.disclose(
        *(item(nir, caisse_code=CAISSE, month=month) for nir in (one, other) for month in (JANUARY, MARCH))
    )
    assert [result.outcome for result in results] == [AVAILABLE, CLOSED] * 2
