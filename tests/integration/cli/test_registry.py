"""The register with `qf` on the real services: from the director in office to what is due after the end."""

import asyncio
import json
import secrets
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cli.parameters import today
from tests.integration.cli.process import Qf
from tests.integration.cli.registering import (
    CAISSE,
    PROFILE,
    USER,
    days_ago,
    file_of,
    new_numero,
    register,
    register_convention,
    register_partner,
    register_user,
    signed_form,
)
from tests.stack import Stack

# No other test appoints its director.
OWN_CAISSE = "28"
AT_CAISSE = ("--caisse", CAISSE)


@pytest.fixture
def qf(stack: Stack) -> Qf:
    """`qf` for the stack, in the name of its agent."""
    return Qf(stack.layout.qf_config_file)


def identity() -> str:
    """A new agent."""
    return json.dumps(
        {"agent_name": f"a{secrets.token_hex(6)}.agents.qf.internal", "nom": "FALBRUSSE", "prenom": "Odile"}
    )


async def fact(qf: Qf, typed: str, *more: str) -> Any:
    """What a command of `qf convention` that succeeds tells."""
    return await qf.json("convention", *typed.split(), *more)


async def test_the_director_habilitates_and_withdraws_who_registers_art_4_1(qf: Qf) -> None:
    at = ("--caisse", OWN_CAISSE)
    director = await qf.json("agent", "appoint-director", *at, "--reason", "named", "--yes", stdin=identity())
    as_director = ("--agent", director["agent_name"])
    joins = ("agent", "habilitate", *at, "--reason", "joins", *as_director)
    agent = await qf.json(*joins, stdin=identity())
    as_agent = ("--agent", agent["agent_name"])
    registers = ("partner", "register", *at, "--denomination", "Mairie", "--numero-tiers")
    assert (await qf.run(*registers, new_numero(), *as_agent)).status == 0
    refused = await qf.run("agent", "habilitate", *at, "--reason", "joins", *as_agent, stdin=identity())
    assert refused.status == 1
    leaves = ("agent", "withdraw", agent["agent_id"], "--reason", "leaves", "--yes")
    assert (await qf.json(*leaves, *as_director))["withdraw_time"]
    refused = await qf.run(*registers, new_numero(), *as_agent)
    assert refused.status == 1
    assert "--agent NAME, QF_AGENT, or [agent] name" in refused.stderr
    listed = {row["agent_id"]: row["function"] for row in await qf.json("agent", "list", *at)}
    assert (listed[director["agent_id"]], listed[agent["agent_id"]]) == ("DIRECTOR", "AGENT")


async def test_an_agent_of_another_caisse_registers_nothing_here_art_4_1(qf: Qf) -> None:
    told = await qf.run(
        *("partner", "register", *AT_CAISSE, "--numero-tiers", new_numero(), "--denomination", "Mairie"),
        *("--agent", "nobody.agents.qf.internal"),
    )
    assert told.status == 1
    assert "`qf agent list --caisse CODE` tells who is" in told.stderr


async def test_a_partner_is_registered_once_found_suspended_and_readmitted(qf: Qf) -> None:
    numero = new_numero()
    partner_id = (await register_partner(qf, numero))["partner_id"]
    again = await qf.run(
        *("partner", "register", *AT_CAISSE, "--numero-tiers", numero, "--denomination", "Mairie")
    )
    assert again.status == 1
    found = await qf.json("partner", "list", *AT_CAISSE, "--search", f"valbrune {numero}")
    assert [row["partner_id"] for row in found] == [partner_id]
    suspend = ("partner", "suspend", partner_id, "--reason", "misuse")
    until = (today() + timedelta(10)).isoformat()
    assert (await qf.json(*suspend, "--until", until))["suspension_until_date"] == until
    assert (await qf.json(*suspend))["suspension_until_date"] is None
    assert (await qf.json("partner", "lift", partner_id, "--reason", "explained"))["suspend_time"] is None
    assert (await qf.run("partner", "lift", partner_id)).status == 1
    assert (await qf.json(*suspend, "--definitive", "--yes"))["suspension_kind"] == "DEFINITIVE"
    assert (await qf.run("partner", "lift", partner_id)).status == 1


async def test_an_update_leaves_alone_what_is_not_given_and_a_seat_needs_its_letter_art_13_7(qf: Qf) -> None:
    partner_id = (await register_partner(qf))["partner_id"]
    changed = await qf.json("partner", "update", partner_id, "--kind", "commune", "--department", "21")
    assert (changed["structure_kind"], changed["representative"]) == ("COMMUNE", PROFILE["representative"])
    moved = await qf.json(
        *("partner", "move", partner_id, "--street", "3 rue Neuve", "--postal-code", "21000"),
        *("--commune", "Montfaucelle", "--letter-received", "today"),
    )
    assert (moved["commune"], moved["representative_function"]) == ("Montfaucelle", "Maire")


async def test_a_convention_is_drafted_signed_by_each_and_waits_for_its_declaration_art_9_1(qf: Qf) -> None:
    partner_id = (await register_partner(qf))["partner_id"]
    draft = await fact(qf, f"draft --partner {partner_id} --caisse {CAISSE}")
    convention_id = draft["convention_id"]
    assert draft["state"] == "DRAFT"
    signed = await fact(qf, f"sign {convention_id} --by partner --date {days_ago(9)}")
    assert signed["state"] == "DRAFT"
    signed = await fact(qf, f"sign {convention_id} --by caisse --date {days_ago(2)}")
    assert (signed["state"], signed["signature_date"]) == ("PENDING", days_ago(2).isoformat())
    declared = await fact(qf, f"declare-cnil {convention_id} --date {days_ago(5)}")
    assert declared["state"] == "IN_FORCE"
    listed = await fact(qf, f"list --caisse {CAISSE} --partner {partner_id}")
    assert [row["convention_id"] for row in listed] == [convention_id]
    ended = await fact(qf, f"end {convention_id} --date today --reason agreed --yes")
    assert (ended["state"], ended["attestation_due"]) == ("ENDED", True)
    attested = await fact(qf, f"attest {convention_id} --kind destruction --received today")
    assert attested["attestation_due"] is False


async def in_force(qf: Qf, days: int = 100) -> str:
    """A convention that was signed so many days ago."""
    partner_id = (await register_partner(qf))["partner_id"]
    convention = await qf.json(
        *("convention", "register", "--partner", partner_id, *AT_CAISSE),
        *("--signed", days_ago(days).isoformat(), "--cnil-declared", days_ago(days).isoformat()),
    )
    return str(convention["convention_id"])


async def test_a_denunciation_ends_it_at_the_term_and_annulled_it_does_not_art_9_2(qf: Qf) -> None:
    convention_id = await in_force(qf)
    before = await fact(qf, f"show {convention_id}")
    denounced = await fact(qf, f"denounce {convention_id} --by partner --received today --letter 1A2 --yes")
    assert denounced["end_date"] == before["term_date"]
    assert (denounced["state"], denounced["last_denunciation_date"]) == ("IN_FORCE", None)
    annulled = await fact(qf, f"annul {convention_id} {denounced['fact_id']} --reason mistaken --yes")
    assert annulled["end_date"] is None
    shown = await fact(qf, f"show {convention_id}")
    assert [(told["fact"], told["annulled"]) for told in shown["facts"][-2:]] == [
        ("denunciation", True),
        ("annulment", False),
    ]


async def test_a_breach_that_is_cured_in_time_ends_nothing_art_9_2(qf: Qf) -> None:
    convention_id = await in_force(qf)
    noticed = await fact(qf, f"formal-notice {convention_id} --by caisse --received {days_ago(10)} --yes")
    assert noticed["end_date"] == (days_ago(10) + timedelta(30)).isoformat()
    cured = await fact(qf, f"cure {convention_id} --notice {noticed['fact_id']} --date {days_ago(1)}")
    assert (cured["end_date"], cured["state"]) == (None, "IN_FORCE")


async def test_force_majeure_ends_it_after_thirty_days_only_art_10(qf: Qf) -> None:
    convention_id = await in_force(qf)
    first = await fact(qf, f"force-majeure notify {convention_id} --by partner --date {days_ago(40)}")
    assert first["state"] == "IN_FORCE"
    await fact(qf, f"force-majeure over {convention_id} --date {days_ago(35)}")
    await fact(qf, f"force-majeure notify {convention_id} --by partner --date {days_ago(20)}")
    too_early = await qf.run(
        *("convention", "force-majeure", "terminate", convention_id, "--by", "caisse"),
        *("--date", "today", "--yes"),
    )
    assert too_early.status == 1
    assert "art. 10" in too_early.stderr
    other = await in_force(qf)
    await fact(qf, f"force-majeure notify {other} --by caisse --date {days_ago(40)}")
    ended = await fact(qf, f"force-majeure terminate {other} --by partner --date today --yes")
    assert (ended["state"], ended["end_date"]) == ("ENDED", today().isoformat())


async def test_papers_and_providers_are_on_record_art_2_and_6_1(qf: Qf) -> None:
    convention_id = await in_force(qf)
    signed = f"--caisse-signed {days_ago(9)} --partner-signed {days_ago(8)}"
    with file_of("the scanned avenant") as scan:
        await fact(qf, f"amend {convention_id} --number 1 --subject meals {signed} --scan {scan}")
    await fact(qf, f"annex {convention_id} --annex 2 --version 2 --effective today")
    declared = await fact(
        qf, f"provider declare {convention_id} --denomination Logiciels --since {days_ago(20)}"
    )
    provider = declared["fact_id"]
    (missing,) = (await fact(qf, f"show {convention_id}"))["missing_undertakings"]
    assert (missing["provider_id"], missing["provider_name"]) == (provider, "Logiciels")
    due = await qf.json("deadlines", *AT_CAISSE)
    assert any(row["kind"] == "UNDERTAKING" and row["subject_id"] == provider for row in due)
    await fact(qf, f"provider undertaking {convention_id} {provider} --received today --reference GED-7")
    await fact(qf, f"provider left {convention_id} {provider} --date today")
    shown = await fact(qf, f"show {convention_id}")
    assert shown["missing_undertakings"] == []
    assert {"amendment", "annex_version", "provider_departure"} <= {told["fact"] for told in shown["facts"]}


async def test_what_somebody_else_changed_meanwhile_is_not_overwritten(qf: Qf) -> None:
    convention_id = await in_force(qf)
    declare = ("convention", "provider", "declare", convention_id, "--denomination", "Logiciels")
    processes = [await qf.start(*declare, "--since", "today") for _ in range(4)]
    told = await asyncio.gather(*(process.communicate() for process in processes))
    refused = [
        complaint for process, (_, complaint) in zip(processes, told, strict=True) if process.returncode
    ]
    assert all(b"show it again and decide anew" in complaint for complaint in refused)
    shown = await fact(qf, f"show {convention_id}")
    assert len(shown["missing_undertakings"]) == len(processes) - len(refused) >= 1


def written(folder: Path) -> set[str]:
    """The letters in the folder."""
    return {str(path) for path in folder.glob("*.pdf")}


async def test_a_form_is_received_completed_and_accepted_with_both_letters_art_4_2(
    qf: Qf, tmp_path: Path
) -> None:
    convention_id = await in_force(qf)
    receive = ("request", "receive", "--convention", convention_id, "--kind", "creation", "--form", "-")
    on_paper = {
        "partner_denomination": "Mairie de Valbrune",
        "partner_representative": "Baptiste ORVEILLAC",
        "partner_representative_function": "Maire",
        "user": USER,
        **signed_form(),
    }
    received = await qf.json(*receive, stdin=json.dumps(on_paper))
    request_id = received["access_request_id"]
    assert (received["state"], set(received["missing"])) == ("INCOMPLETE", {"signed", "scan_sha256"})
    assert (await qf.run("request", "accept", request_id)).status == 1
    with file_of("the scanned form") as scan:
        complete = ("request", "complete", request_id, "--form", "-", "--scan", scan)
        completed = await qf.json(*complete, stdin=json.dumps({"signed": True}))
    assert (completed["state"], completed["nom"]) == ("RECEIVED", "GARMELIN")
    accepted = await qf.json("request", "accept", request_id, "--letters", str(tmp_path))
    assert accepted["state"] == "ACCEPTED"
    assert "temporary_password" not in accepted
    assert written(tmp_path) == {accepted["habilitation_letter"], accepted["password_letter"]}
    assert (await qf.run("request", "accept", request_id)).status == 1
    shown = await qf.json("request", "show", request_id)
    assert shown["granted_habilitation_id"] == accepted["habilitation_id"]
    listed = await qf.json(
        "request", "list", *AT_CAISSE, "--convention", convention_id, "--state", "accepted"
    )
    assert [row["access_request_id"] for row in listed] == [request_id]


async def test_a_change_of_function_ends_one_habilitation_and_makes_the_next_art_4_4(qf: Qf) -> None:
    registered = await register(qf)
    before = registered.user["habilitation_id"]
    form = {
        "partner_denomination": "Mairie de Valbrune",
        "partner_representative": "Baptiste ORVEILLAC",
        "partner_representative_function": "Maire",
        "user": {"nom": "LARDIVEL", "prenom": "Damien", "email": "damien.lardivel@valbrune.example"},
        "signed": True,
        **signed_form(),
    }
    with file_of("the scanned form") as scan:
        received = await qf.json(
            *("request", "receive", "--convention", registered.convention_id, "--kind", "modification"),
            *("--habilitation", before, "--form", "-", "--scan", scan),
            stdin=json.dumps(form),
        )
    accepted = await qf.json("request", "accept", received["access_request_id"], "--yes")
    assert (accepted["ended_habilitation_id"], bool(accepted["temporary_password"])) == (before, True)
    users = await qf.json("user", "list", "--convention", registered.convention_id)
    assert [(row["nom"], row["state"]) for row in users] == [("GARMELIN", "WITHDRAWN"), ("LARDIVEL", "LIVE")]


async def test_a_form_is_refused_with_a_reason(qf: Qf) -> None:
    convention_id = await in_force(qf)
    receive = ("request", "receive", "--convention", convention_id, "--kind", "creation", "--form", "-")
    request_id = (await qf.json(*receive, stdin="{}"))["access_request_id"]
    refused = await qf.json("request", "refuse", request_id, "--reason", "not signed")
    assert (refused["state"], refused["refusal_reason"]) == ("REFUSED", "not signed")
    assert (await qf.run("request", "complete", request_id, "--form", "-", stdin="{}")).status == 1


async def eventually_disabled(qf: Qf, *named: str) -> bool:
    """Whether identity disables the account within ten seconds: the register tells it by itself."""
    for _ in range(100):
        if (await qf.json("user", "show", *named))["disable_time"]:
            return True
        await asyncio.sleep(0.1)
    return False


async def test_a_user_is_registered_renewed_suspended_and_withdrawn(qf: Qf) -> None:
    registered = await register(qf)
    named = ("--habilitation", registered.user["habilitation_id"])
    assert registered.user["temporary_password"]
    assert registered.user["login"]
    assert (await qf.run("user", "credentials", *named)).status == 1
    shown = await qf.json("user", "show", *named)
    assert (shown["nom"], shown["login"], shown["state"]) == ("GARMELIN", registered.user["login"], "LIVE")
    assert "temporary_password" not in shown
    renewed = await qf.json("user", "new-password", *named)
    assert renewed["temporary_password"] != registered.user["temporary_password"]
    await qf.json("user", "sign-out", *named)
    assert (await qf.json("user", "suspend", *named, "--reason", "misuse"))["state"] == "SUSPENDED"
    assert (await qf.json("user", "lift", *named, "--reason", "explained"))["state"] == "LIVE"
    withdrawn = await qf.json("user", "withdraw", *named, "--reason", "left the service", "--yes")
    assert (withdrawn["state"], withdrawn["withdrawal_reason"]) == ("WITHDRAWN", "left the service")
    assert await eventually_disabled(qf, *named)


async def test_a_user_is_registered_with_letters_and_his_password_is_on_no_screen(
    qf: Qf, tmp_path: Path
) -> None:
    convention_id = await in_force(qf)
    user = await register_user(qf, convention_id, "--letters", str(tmp_path))
    assert "temporary_password" not in user
    assert written(tmp_path) == {user["habilitation_letter"], user["password_letter"]}
    letter = tmp_path / "again.pdf"
    named = ("--habilitation", user["habilitation_id"])
    assert "temporary_password" not in await qf.json("user", "new-password", *named, "--letter", str(letter))
    assert letter.read_bytes().startswith(b"%PDF")


async def test_those_whom_the_partner_confirms_keep_their_access_a_year_longer_art_9_1(qf: Qf) -> None:
    registered = await register(qf, signed=days_ago(300).isoformat())
    of = ("--convention", registered.convention_id)
    await register_user(qf, registered.convention_id, nom="LARDIVEL", email="damien@valbrune.example")
    first, second = await qf.json("user", "list", *of)
    (confirmed,) = await qf.json("user", "confirm", *of, "--habilitation", first["habilitation_id"])
    assert confirmed["lapse_date"] > first["lapse_date"]
    (other,) = await qf.json("user", "confirm", *of, "--all", "--yes")
    assert other["habilitation_id"] == second["habilitation_id"]
    assert (await qf.run("user", "confirm", *of, "--all", "--yes")).status == 2


async def test_deadlines_are_listed_and_written_for_a_calendar(qf: Qf, tmp_path: Path) -> None:
    convention_id = await in_force(qf, days=330)
    rows = await qf.json("deadlines", *AT_CAISSE, "--days", "60")
    own = {row["kind"]: row for row in rows if row["convention_id"] == convention_id}
    term = (await fact(qf, f"show {convention_id}"))["term_date"]
    assert own["RENEWAL"]["due_date"] == term
    assert [row["due_date"] for row in rows] == sorted(row["due_date"] for row in rows)
    calendar = tmp_path / "deadlines.ics"
    await qf.json("deadlines", *AT_CAISSE, "--ics", str(calendar))
    assert calendar.read_bytes().startswith(b"BEGIN:VCALENDAR")


async def test_history_tells_who_changed_what_and_why(qf: Qf) -> None:
    partner_id = (await register_partner(qf))["partner_id"]
    renamed = ("--denomination", "Ville de Valbrune", "--reason", "new name")
    await qf.json("partner", "update", partner_id, *renamed)
    last, first = await qf.json("history", *AT_CAISSE, "--subject", partner_id)
    assert (first["kind"], last["kind"], last["reason"]) == (
        "PARTNER_REGISTERED",
        "PARTNER_UPDATED",
        "new name",
    )
    assert last["agent_name"].endswith(".agents.qf.internal")
    assert {"field": "denomination", "before": "Mairie de Valbrune", "after": "Ville de Valbrune"} in (
        last["changes"]
    )


async def test_the_bouquets_hold_the_consultation_of_the_qf_art_4_2(qf: Qf) -> None:
    assert {"bouquet": "QUOTIENT_FAMILIAL", "online_services": ["QUOTIENT_CONSULTATION"]} in (
        await qf.json("bouquet", "list")
    )


async def test_reminders_are_leased_and_an_unknown_one_harms_nobody(qf: Qf) -> None:
    of = ("--of", "partners")
    assert isinstance(await qf.json("outbox", "lease", *of, "--maximum", "1", "--seconds", "1"), list)
    unknown = "01890a5d-ac96-774b-bcce-b302099a8057"
    assert (await qf.json("outbox", "acknowledge", *of, unknown))["message_ids"] == [unknown]


async def test_tables_fit_people_too(qf: Qf) -> None:
    partner_id = (await register_partner(qf))["partner_id"]
    convention_id = (await register_convention(qf, partner_id))["convention_id"]
    await register_user(qf, convention_id)
    for typed in (
        "caisse list",
        f"agent list --caisse {CAISSE}",
        f"partner list --caisse {CAISSE}",
        f"partner show {partner_id}",
        f"convention list --caisse {CAISSE}",
        f"convention show {convention_id}",
        f"request list --caisse {CAISSE}",
        f"user list --convention {convention_id}",
        f"deadlines --caisse {CAISSE} --days 400",
        f"history --caisse {CAISSE}",
        "bouquet list",
        f"journal show --caisse {CAISSE}",
    ):
        told = await qf.run(*typed.split())
        assert told.status == 0, told.stderr
        assert told.stdout.strip()
