"""The caisse agent's work with `qf` on the real services: import, oppose, show the journal, look after accounts."""

import asyncio
import json
import secrets
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from cli.parameters import today
from cli.people import synthetic_nir
from msa.quotient.v1 import disclosure_service_pb2 as pb
from msa.quotient.v1 import disclosure_service_pb2_grpc as rpc
from services.kit.messages import to_date
from tests.integration.cli.process import Qf, shown_by_the_system
from tests.integration.cli.registering import CAISSE, register
from tests.stack import Stack
from tests.unit.cli.lines import line, quotient


@pytest.fixture
def qf(stack: Stack) -> Qf:
    """`qf` for the stack."""
    return Qf(stack.layout.qf_config_file)


def new_nir() -> str:
    """The NIR of an invented person that no other test uses."""
    return synthetic_nir(1_000_000 + secrets.randbelow(60_000_000), 2)


def dossier(nir: str, **changes: Any) -> bytes:
    return line(nir=nir, numero_dossier=f"D{nir}", **changes)


async def test_the_services_serve(qf: Qf) -> None:
    assert {row["state"] for row in await qf.json("status")} == {"SERVING"}


async def test_the_caisses_are_listed(qf: Qf) -> None:
    caisses = {row["caisse_code"]: row for row in await qf.json("caisse", "list")}
    assert caisses[CAISSE]["name"] == "MSA Bourgogne"
    assert len(caisses) == 35


async def test_what_happens_to_an_account_is_on_record(qf: Qf) -> None:
    user = (await register(qf)).user
    named = ("--habilitation", user["habilitation_id"])
    await qf.json("user", "unlock", *named)
    await qf.json("session", "revoke", *named)
    await qf.json("user", "new-password", *named)
    await qf.json("user", "disable", *named)
    events = await qf.json("user", "events", *named)
    assert [event["kind"] for event in events] == [
        "ACCOUNT_DISABLED",
        "TEMPORARY_PASSWORD_ISSUED",
        "SESSIONS_REVOKED",
        "ACCOUNT_UNLOCKED",
        "ACCOUNT_CREATED",
    ]
    assert {event["account_id"] for event in events} == {user["account_id"]}
    assert all(len(event["trace_id"]) == 32 for event in events)
    assert await qf.json("user", "events", *named, "--limit", "2") == events[:2]
    ids = [event["event_id"] for event in await qf.json("events", "--limit", "500")]
    assert {event["event_id"] for event in events} <= set(ids)


async def test_whose_an_account_is_can_be_asked(qf: Qf) -> None:
    user = (await register(qf)).user
    shown = await qf.json("user", "show", "--account", user["account_id"])
    assert (shown["habilitation_id"], shown["nom"]) == (user["habilitation_id"], "GARMELIN")
    assert (shown["locked"], shown["second_factor_enrolled"], shown["last_sign_in_time"]) == (
        False,
        False,
        None,
    )
    assert shown["dormancy_date"] > shown["password_set_time"]


async def test_sessions_of_a_partner_are_ended_and_of_none_are_not(qf: Qf) -> None:
    registered = await register(qf)
    ended = await qf.json("session", "revoke", "--partner", registered.partner_id, "--yes")
    assert ended["partner_id"] == registered.partner_id
    (event,) = await qf.json("events", "--limit", "1")
    assert (event["kind"], event["scope"]) == ("SESSIONS_REVOKED", f"partner:{registered.partner_id}")
    nobody = str(uuid4())
    for option in ("--session", "--habilitation", "--partner"):
        assert (await qf.run("session", "revoke", option, nobody, "--yes")).status == 1


async def test_a_partner_s_policy_is_set_and_taken_back(qf: Qf) -> None:
    partner = ("--partner", (await register(qf)).partner_id)
    policy = ("partner", "policy", *partner)
    assert (await qf.json(*policy))["second_factor_required"] is False
    assert (await qf.json(*policy, "--require-second-factor"))["second_factor_required"] is True
    assert (await qf.json(*policy))["second_factor_required"] is True
    assert (await qf.json(*policy, "--no-require-second-factor"))["second_factor_required"] is False


async def test_the_outbox_is_reached_and_an_unknown_message_harms_nobody(qf: Qf) -> None:
    assert isinstance(await qf.json("outbox", "lease", "--maximum", "1", "--seconds", "1"), list)
    unknown = str(uuid4())
    assert (await qf.json("outbox", "acknowledge", unknown))["message_ids"] == [unknown]
    assert (await qf.run("outbox", "acknowledge", "no-uuid")).status == 1


async def test_the_same_file_again_changes_nothing(qf: Qf, tmp_path: Path) -> None:
    nirs = [new_nir() for _ in range(700)]
    file = tmp_path / "dossiers.ndjson"
    file.write_bytes(b"".join(dossier(nir) for nir in nirs))
    first = await qf.json("dossiers", "import", str(file))
    assert (first["created"], first["refused"]) == (700, 0)
    again = await qf.json("dossiers", "import", str(file))
    assert (again["created"], again["updated"], again["unchanged"], again["refused"]) == (0, 0, 700, 0)
    file.write_bytes(dossier(nirs[0], quotient_familial=quotient(valeur=1)) + dossier(nirs[1]))
    changed = await qf.json("dossiers", "import", str(file))
    assert (changed["updated"], changed["unchanged"]) == (1, 1)


async def test_what_the_service_refuses_is_told_in_the_words_of_the_file(qf: Qf) -> None:
    good, bad = new_nir(), new_nir()
    content = dossier(good) + line(nir=bad, numero_dossier="no spaces, please") + b"\n{}\n" + dossier(bad)
    imported = await qf.run("dossiers", "import", "-", "--json", stdin=content.decode())
    assert imported.status == 3
    summary = json.loads(imported.stdout)
    assert (summary["created"], summary["refused"]) == (2, 2)
    assert [(told["line"], told["field"]) for told in summary["refusals"]] == [
        (2, "numero_dossier"),
        (4, "caisse"),
    ]
    assert "please" not in imported.stdout + imported.stderr


async def test_an_amount_out_of_range_is_told_as_valeur(qf: Qf) -> None:
    content = dossier(new_nir(), quotient_familial=quotient(valeur=2_000_000))
    imported = await qf.run("dossiers", "import", "-", "--json", stdin=content.decode())
    assert [told["field"] for told in json.loads(imported.stdout)["refusals"]] == ["quotient_familial.valeur"]


async def test_an_opposition_is_recorded_once_listed_and_withdrawn(qf: Qf) -> None:
    nir = new_nir()
    at_caisse = ("--caisse", CAISSE)
    first = await qf.json("opposition", "record", *at_caisse, "--channel", "letter", stdin=nir)
    again = await qf.json("opposition", "record", *at_caisse, "--channel", "online", stdin=nir)
    assert again["opposition_id"] == first["opposition_id"]
    assert (await qf.json("opposition", "list", *at_caisse, stdin=nir))[0]["withdraw_time"] is None
    assert (await qf.json("opposition", "withdraw", *at_caisse, "--yes", stdin=nir))["withdraw_time"]
    assert (await qf.run("opposition", "withdraw", *at_caisse, "--yes", stdin=nir)).status == 1
    (history,) = await qf.json("opposition", "list", *at_caisse, stdin=nir)
    assert history["withdraw_time"]


async def test_the_journal_tells_a_family_who_asked(qf: Qf, stack: Stack, tmp_path: Path) -> None:
    month = today().replace(day=1)
    registered = await register(qf)
    nir = new_nir()
    await qf.json("dossiers", "import", "-", stdin=dossier(nir).decode())
    async with stack.channel("quotient", "gateway") as channel:
        item = pb.DiscloseItem(
            nir=nir,
            caisse_code=CAISSE,
            month=to_date(month),
            purpose=pb.PURPOSE_CANTEEN,
            account_id=registered.user["account_id"],
            habilitation_id=registered.user["habilitation_id"],
            partner_id=registered.partner_id,
            convention_id=registered.convention_id,
        )
        await rpc.DisclosureServiceStub(channel).Disclose(pb.DiscloseRequest(items=[item]))
    person = tmp_path / "person.txt"
    person.write_text(nir)
    (told,) = await qf.json("journal", "show", "--caisse", CAISSE, "--nir-file", str(person))
    assert (told["outcome"], told["purpose"], told["month"]) == ("AVAILABLE", "CANTEEN", f"{month:%Y-%m}")
    assert told["period_starts"] == ["2026-11-01"]
    # The amount is told to the family, not of the partner.
    assert told["shown_periods"] == ["2026-11-01/..: 612.34 EUR"]
    (of_partner,) = await qf.json("journal", "show", "--caisse", CAISSE, "--partner", registered.partner_id)
    assert of_partner == told | {"shown_periods": []}
    assert await qf.json("journal", "show", "--caisse", CAISSE, "--nir-prompt", stdin=new_nir()) == []


async def test_the_nir_is_in_no_argument_of_the_process(qf: Qf) -> None:
    nir = new_nir()
    process = await qf.start("opposition", "record", "--caisse", CAISSE, "--channel", "counter")
    shown = await shown_by_the_system(process)
    stdout, stderr = await process.communicate(nir.encode())
    assert process.returncode == 0, stderr
    assert b"opposition" in shown
    assert not any(nir.encode() in told for told in (shown, stdout, stderr))


async def test_a_slow_standard_input_does_not_end_an_import(qf: Qf) -> None:
    process = await qf.start("dossiers", "import", "-", "--json")
    assert process.stdin is not None
    process.stdin.write(dossier(new_nir()))
    await process.stdin.drain()
    await asyncio.sleep(1.5)
    stdout, stderr = await process.communicate(dossier(new_nir()))
    assert process.returncode == 0, stderr
    assert json.loads(stdout)["created"] == 2
