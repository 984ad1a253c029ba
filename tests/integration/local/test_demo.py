"""The demo data, made a second time on the running stack, under a root of its own."""

import shutil
import ssl
from collections.abc import Mapping
from contextlib import aclosing
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.local import demo
from deploy.local.demo import Memory, User
from deploy.local.layout import Layout
from deploy.local.people import AGENTS, AVAILABLE_NIR, LORRAINE, POITOU, POITOU_NIR, WRONG_NIRS
from deploy.local.states import EXPECTATIONS, State
from services.kit.clock import PARIS, SystemClock
from services.kit.hours import CLOSING, OPENING
from tests.clock import FakeClock
from tests.portal import Portal, answered
from tests.stack import Stack

NEW_PASSWORD = "Coquelicot-Jonquille-1999"
MONTH = "2026-02"
# What the first agent of the screen meets with each NIR.
OUTCOMES = {
    "available": "OUTCOME_AVAILABLE",
    "opposed": "OUTCOME_OPPOSED",
    "opposed_to_partner": "OUTCOME_OPPOSED",
    "no_quotient": "OUTCOME_NO_QUOTIENT",
    "dossier_closed": "OUTCOME_DOSSIER_CLOSED",
    "not_found": "OUTCOME_NOT_FOUND",
    "other_caisse": "OUTCOME_NOT_FOUND",
    "other_caisse_with_reference": "OUTCOME_NOT_FOUND",
    "several_periods": "OUTCOME_AVAILABLE",
    "two_allocataires": "OUTCOME_AVAILABLE",
    "second_parent": "OUTCOME_AVAILABLE",
    "born_in_corse_du_sud": "OUTCOME_AVAILABLE",
    "born_in_haute_corse": "OUTCOME_AVAILABLE",
    "born_overseas": "OUTCOME_AVAILABLE",
}


@pytest.fixture(scope="module")
async def layout(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Layout:
    """A root with the stack's certificates, where the demo data were made. Passwords cost time: it is made once."""
    made = Layout(tmp_path_factory.mktemp("demo"))
    made.make()
    shutil.copytree(stack.layout.tls, made.tls, dirs_exist_ok=True)
    await seed(stack, made)
    return made


@pytest.fixture(scope="module")
async def shown(stack: Stack, layout: Layout) -> Mapping[str, dict[str, Any]]:
    """What the first user's colleague is answered to each NIR, in a month of his choice."""
    return await consultations(stack, user_in(layout, State.MANAGER), demo.nirs(layout), month=MONTH)


async def seed(stack: Stack, layout: Layout, later: timedelta = timedelta()) -> list[User]:
    await demo.seed(layout, stack.ports, FakeClock(SystemClock().now() + later))
    return demo.users(layout)


async def consultations(
    stack: Stack, user: User, nirs: Mapping[str, str], **fields: Any
) -> dict[str, dict[str, Any]]:
    """What a user is answered to each NIR after his first sign-in."""
    async with aclosing(Portal(stack.gateway_url, stack.ca_file)) as portal:
        signed_in = answered(await portal.sign_in(user.login, user.temporary_password))
        changed = await portal.change_password(
            signed_in["session_token"], user.temporary_password, NEW_PASSWORD
        )
        token = answered(changed)["session_token"]
        return {kind: answered(await portal.consult(token, nir, **fields)) for kind, nir in nirs.items()}


async def outcomes(stack: Stack, user: User, nirs: Mapping[str, str]) -> dict[str, str]:
    """The outcome that a user meets with each NIR after his first sign-in."""
    return {kind: reply["outcome"] for kind, reply in (await consultations(stack, user, nirs)).items()}


def user_in(layout: Layout, state: State) -> User:
    """The first demo user of a state."""
    return next(user for agent, user in demo.agents(layout) if agent.state is state)


async def test_every_nir_is_good_for_what_it_says(stack: Stack, layout: Layout) -> None:
    user = demo.users(layout)[0]
    assert await outcomes(stack, user, demo.nirs(layout)) == OUTCOMES
    first, *_ = await seed(stack, layout)
    assert first.password_changed


async def test_family_that_objects_to_one_partner_is_shown_to_another(stack: Stack, layout: Layout) -> None:
    other = demo.users(layout)[1]
    nirs = {"opposed_to_partner": demo.nirs(layout)["opposed_to_partner"]}
    assert await outcomes(stack, other, nirs) == {"opposed_to_partner": "OUTCOME_AVAILABLE"}


def test_amount_that_changes_within_the_month_shows_both_periods(
    shown: Mapping[str, dict[str, Any]],
) -> None:
    periods = shown["several_periods"]["periods"]
    assert [(period["valid_from"], period["valid_to"]) for period in periods] == [
        ("2026-01-15", "2026-02-14"),
        ("2026-02-15", "2026-03-14"),
    ]
    assert periods[0]["amount_cents"] != periods[1]["amount_cents"]


def test_either_allocataire_leads_to_the_dossier_of_both(shown: Mapping[str, dict[str, Any]]) -> None:
    dossier = shown["two_allocataires"]["dossier"]
    assert len(dossier["coordonnees"]["allocataires"]) == 2
    assert shown["second_parent"]["dossier"] == dossier


async def test_caisse_that_asks_for_a_reference_shows_its_families_to_who_gives_one(
    stack: Stack, layout: Layout
) -> None:
    user = user_in(layout, State.CASE_REFERENCE_REQUIRED)
    shown = await consultations(stack, user, {"": POITOU_NIR}, case_reference="CLSH/118")
    assert shown[""]["outcome"] == "OUTCOME_AVAILABLE"


async def test_caisse_in_maintenance_stays_so_however_long_the_stack_was_away(
    stack: Stack, layout: Layout
) -> None:
    now = SystemClock().now()
    later = timedelta(days=20)
    await seed(stack, layout, later)
    async with aclosing(Portal(stack.gateway_url, stack.ca_file)) as portal:
        caisses = answered(await portal.json.get("/v1/status"))["caisses"]
    (lorraine,) = (each for each in caisses if each["caisse_code"] == LORRAINE)
    windows = [
        (datetime.fromisoformat(each["start_time"]), datetime.fromisoformat(each["end_time"]))
        for each in lorraine["maintenances"]
    ]
    assert lorraine["state"] == "SERVICE_STATE_MAINTENANCE"
    assert all(end == start for (_, end), (start, _) in pairwise(windows))
    assert windows[-1][1] >= now + later + timedelta(days=7)


@pytest.mark.usefixtures("layout")
async def test_caisse_announces_a_maintenance_outside_the_opening_hours(stack: Stack) -> None:
    async with aclosing(Portal(stack.gateway_url, stack.ca_file)) as portal:
        caisses = answered(await portal.json.get("/v1/status"))["caisses"]
    (poitou,) = (each for each in caisses if each["caisse_code"] == POITOU)
    assert poitou["state"] == "SERVICE_STATE_OPEN"
    (window,) = poitou["maintenances"]
    start, end = (
        datetime.fromisoformat(window[name]).astimezone(PARIS) for name in ("start_time", "end_time")
    )
    assert start.time() >= CLOSING
    assert end.time() <= OPENING


async def test_partner_names_the_certificate_that_is_there(stack: Stack, layout: Layout) -> None:
    for file in layout.tls.glob("partner.*"):
        file.unlink()
    await seed(stack, layout)
    user = user_in(layout, State.CLIENT_CERTIFICATE_REQUIRED)
    context = ssl.create_default_context(cafile=stack.ca_file)
    context.load_cert_chain(layout.tls / "partner.pem", layout.tls / "partner.key")
    async with httpx.AsyncClient(base_url=stack.gateway_url, verify=context) as http:
        body = {"login": user.login, "password": user.temporary_password}
        assert answered(await http.post("/v1/sessions", json=body))["password_change_required"]


async def test_second_seeding_changes_nothing(stack: Stack, layout: Layout) -> None:
    users = await seed(stack, layout)
    assert await seed(stack, layout) == users
    assert [user.partner for user in users] == [agent.partner for agent in AGENTS]


async def test_seeding_that_was_cut_short_is_finished(stack: Stack, layout: Layout) -> None:
    users = await seed(stack, layout)
    memory = Memory(layout)
    lost = (AGENTS[-1], AGENTS[-2])
    for agent in lost:
        del memory.users[agent.email]
    memory.nirs = {}
    memory.write()
    resumed = await seed(stack, layout)
    assert resumed[: -len(lost)] == users[: -len(lost)]
    assert [user.partner for user in resumed] == [agent.partner for agent in AGENTS]
    assert demo.nirs(layout)
    # A partner is made anew; who was habilitated under a convention that is remembered stays so.
    assert [before.login == after.login for before, after in zip(users, resumed, strict=True)][-2:] == [
        False,
        True,
    ]
    assert await outcomes(stack, resumed[-1], {"": AVAILABLE_NIR}) == {"": "OUTCOME_AVAILABLE"}


async def test_families_that_came_with_a_later_release_are_added(stack: Stack, layout: Layout) -> None:
    memory = Memory(layout)
    memory.nirs = {kind: nir for kind, nir in memory.nirs.items() if kind != "dossier_closed"}
    memory.write()
    await seed(stack, layout)
    assert demo.nirs(layout).keys() == OUTCOMES.keys()


async def test_temporary_password_about_to_end_is_replaced_unless_it_would_enable_an_account(
    stack: Stack, layout: Layout
) -> None:
    states = (State.USER_SUSPENDED, State.HABILITATION_WITHDRAWN)
    before = [user_in(layout, state) for state in states]
    await seed(stack, layout, later=timedelta(days=40))
    after = [user_in(layout, state) for state in states]
    assert [user.login for user in after] == [user.login for user in before]
    changed = [
        one.temporary_password != other.temporary_password for one, other in zip(after, before, strict=True)
    ]
    assert changed == [True, False]


def test_demo_file_tells_scripts_where_everything_is(stack: Stack) -> None:
    shown = stack.demo
    assert shown["gateway_url"] == f"https://127.0.0.1:{stack.ports.edge_port}"
    assert Path(shown["ca_file"]).exists()
    assert Path(shown["mail_folder"]).is_dir()
    assert set(shown["internal_addresses"]) == {"identity", "partners", "quotient"}
    for files in shown["client_certificates"].values():
        assert Path(files["certificate_file"]).exists()
        assert Path(files["private_key_file"]).exists()
    keys = {"login", "temporary_password", "partner", "caisse", "state", "refused_call", "expects", "nir"}
    assert all(keys <= user.keys() for user in shown["users"])
    assert shown["nirs"].keys() == OUTCOMES.keys()


def test_demo_file_names_what_each_user_meets_and_with_which_certificate(stack: Stack) -> None:
    users = stack.demo["users"]
    assert [user["state"] for user in users] == [agent.state for agent in AGENTS]
    for user in users:
        expectation = EXPECTATIONS[State(user["state"])]
        assert (user["refused_call"], user["expects"]) == (expectation.refused_call, expectation.reason or "")
    (certificate,) = (user["client_certificate"] for user in users if user["client_certificate"])
    assert all(Path(file).exists() for file in certificate.values())
    assert {kind: wrong["nir"] for kind, wrong in stack.demo["wrong_nirs"].items()} == {
        kind: wrong.nir for kind, wrong in WRONG_NIRS.items()
    }
