"""`qf opposition` on the real service: a register, cut short and imported again; a whole history (art. 6-3)."""

import asyncio
import json
import secrets
from pathlib import Path
from time import monotonic

import pytest

from cli.people import synthetic_nir
from msa.quotient.v1 import opposition_service_pb2 as pb
from msa.quotient.v1.opposition_service_pb2_grpc import OppositionServiceStub
from tests.integration.cli.process import Qf
from tests.stack import Stack

CAISSE = "21"
PARTNER = "01900000-0000-7000-8000-00000000002b"
HEADER = "nir;caisse;partner;received_on;channel;requester;declared_by;reference"
SECONDS = 20.0


@pytest.fixture
def qf(stack: Stack) -> Qf:
    """`qf` for the stack."""
    return Qf(stack.layout.qf_config_file)


def new_nirs(count: int) -> list[str]:
    """NIRs of invented people that no other test uses."""
    first = 1_000_000 + secrets.randbelow(60_000_000)
    return [synthetic_nir(first + number, 2) for number in range(count)]


def row(nir: str, **changed: str) -> str:
    cells = {
        "nir": nir, "caisse": CAISSE, "partner": "", "received_on": "2024-02-29", "channel": "letter",
        "requester": "", "declared_by": "", "reference": "GED/118",
    }  # fmt: skip
    return ";".join((cells | changed).values())


async def standing(stack: Stack, nirs: list[str]) -> list[bool]:
    """Whether anything stands, for each; as the gateway asks."""
    async with stack.channel("quotient", "gateway") as channel:
        stub = OppositionServiceStub(channel)
        request = pb.CheckOppositionsRequest(items=[pb.CheckOppositionsItem(nir=nir) for nir in nirs])
        return [bool(result.scopes) for result in (await stub.CheckOppositions(request)).results]


async def until_all_stand(stack: Stack, nirs: list[str]) -> None:
    deadline = monotonic() + SECONDS
    while not all(await standing(stack, nirs)):
        assert monotonic() < deadline
        await asyncio.sleep(0.05)


async def test_good_lines_go_in_and_bad_ones_are_told_without_their_values(
    stack: Stack, qf: Qf, tmp_path: Path
) -> None:
    first, second, broken = new_nirs(3)
    register, refusals = tmp_path / "register.csv", tmp_path / "refused.ndjson"
    lines = [
        HEADER,
        row(first),
        row(broken[:-2] + "00"),
        row(broken, caisse="x"),
        "",
        row(second, partner=PARTNER, declared_by="partner", requester="representative"),
        row(first),
    ]
    register.write_text("\n".join(lines), encoding="utf-8")
    told = await qf.run("opposition", "import", str(register), "--refused", str(refusals))
    assert told.status == 3
    assert told.stderr.splitlines() == [
        "line 3: nir has a key that does not fit its 13 characters; check for a typing error (NIR_KEY_MISMATCH)",
        "line 4: caisse is the two-digit code of a caisse (CAISSE_CODE)",
    ]
    assert [(line["line"], line["field"]) for line in map(json.loads, refusals.read_text().splitlines())] == [
        (3, "nir"),
        (4, "caisse"),
    ]
    assert not any(
        nir[:13] in told.stdout + told.stderr + refusals.read_text() for nir in (first, second, broken)
    )
    assert await standing(stack, [first, second, broken]) == [True, True, False]
    summary = await qf.json("opposition", "list", "--caisse", CAISSE, stdin=second)
    assert [(each["partner_id"], each["requester"], each["declarant"]) for each in summary] == [
        (PARTNER, "REPRESENTATIVE", "PARTNER")
    ]


async def test_the_same_register_again_changes_nothing(qf: Qf, tmp_path: Path) -> None:
    nirs = new_nirs(700)
    register = tmp_path / "register.ndjson"
    entries = [{"nir": nir, "caisse": CAISSE, "received_on": "2024-02-29"} for nir in nirs]
    register.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    first = await qf.json("opposition", "import", str(register))
    again = await qf.json("opposition", "import", str(register))
    assert [first[key] for key in ("recorded", "standing_already", "refused")] == [700, 0, 0]
    assert [again[key] for key in ("recorded", "standing_already", "refused")] == [0, 700, 0]
    assert first["lines_per_second"] > 0


async def test_an_import_that_was_cut_short_says_what_is_in_and_goes_in_the_second_time(
    stack: Stack, qf: Qf, tmp_path: Path
) -> None:
    nirs = new_nirs(6000)
    content = "".join(f"{line}\n" for line in (HEADER, *map(row, nirs))).encode()
    half = content.index(row(nirs[4000]).encode())
    process = await qf.start("opposition", "import", "-", "--format", "csv")
    assert process.stdin is not None
    process.stdin.write(content[:half])
    await process.stdin.drain()
    await until_all_stand(stack, nirs[:500])
    stack.kill("quotient")
    _, complaint = await process.communicate(content[half:])
    assert process.returncode == 4
    assert "lines are in, up to line" in complaint.decode()
    assert "run the same command again" in complaint.decode()
    await stack.wait_until_ready("quotient")
    register = tmp_path / "register.csv"
    register.write_bytes(content)
    again = await qf.json("opposition", "import", str(register))
    assert again["recorded"] + again["standing_already"] == 6000
    assert all(await standing(stack, nirs[:500]) + await standing(stack, nirs[-500:]))


async def test_a_file_that_names_no_columns_is_refused_before_anything_is_sent(
    stack: Stack, qf: Qf, tmp_path: Path
) -> None:
    (nir,) = new_nirs(1)
    register = tmp_path / "register.csv"
    register.write_text(row(nir))
    told = await qf.run("opposition", "import", str(register))
    assert told.status == 2
    assert nir not in told.stderr
    assert await standing(stack, [nir]) == [False]


async def test_what_a_person_objected_to_and_withdrew_is_shown_as_it_was(qf: Qf) -> None:
    (nir,) = new_nirs(1)
    recorded = await qf.json(
        *("opposition", "record", "--caisse", CAISSE, "--partner", PARTNER, "--channel", "counter"),
        *("--requester", "representative", "--received-on", "2025-01-15", "--reference", "GED/7"),
        *("--declared-by", "partner"),
        stdin=nir,
    )
    withdrawn = await qf.json(
        *("opposition", "withdraw", "--caisse", CAISSE, "--partner", PARTNER, "--channel", "letter", "--yes"),
        *("--requester", "person", "--received-on", "2025-03-01", "--reference", "GED/9"),
        stdin=nir,
    )
    (shown,) = await qf.json("opposition", "list", "--caisse", CAISSE, stdin=nir)
    assert shown == withdrawn
    assert shown == recorded | {
        "withdraw_time": shown["withdraw_time"],
        "withdrawal_requester": "PERSON",
        "withdrawal_channel": "LETTER",
        "withdrawal_received_on": "2025-03-01",
        "withdrawal_reference": "GED/9",
    }
    assert recorded["declarant"] == "PARTNER"
    table = await qf.run("opposition", "list", "--caisse", CAISSE, stdin=nir)
    assert "2025-03-01" in table.stdout
    older = await qf.run(
        *("opposition", "record", "--caisse", CAISSE, "--channel", "letter", "--declared-by", "partner"),
        stdin=nir,
    )
    assert older.status == 1
    assert "DECLARED_BY_PARTNER" in older.stderr
