"""The demo data, made a second time on the running stack, under a root of its own."""

import shutil
from collections.abc import Mapping
from contextlib import aclosing
from datetime import timedelta
from pathlib import Path

import pytest

from deploy.local import demo
from deploy.local.demo import Memory, User
from deploy.local.layout import Layout
from deploy.local.people import AGENTS
from services.kit.clock import SystemClock
from tests.clock import FakeClock
from tests.portal import Portal, answered
from tests.stack import Stack

NEW_PASSWORD = "Coquelicot-Jonquille-1999"
# What the first agent of the screen meets with each NIR.
OUTCOMES = {
    "available": "OUTCOME_AVAILABLE",
    "opposed": "OUTCOME_OPPOSED",
    "opposed_to_partner": "OUTCOME_OPPOSED",
    "no_quotient": "OUTCOME_NO_QUOTIENT",
    "dossier_closed": "OUTCOME_DOSSIER_CLOSED",
    "not_found": "OUTCOME_NOT_FOUND",
    "other_caisse": "OUTCOME_NOT_FOUND",
}


@pytest.fixture
def layout(stack: Stack, tmp_path: Path) -> Layout:
    """A root that remembers nothing, with the stack's certificates."""
    made = Layout(tmp_path)
    made.make()
    shutil.copytree(stack.layout.tls, made.tls, dirs_exist_ok=True)
    return made


async def seed(stack: Stack, layout: Layout, later: timedelta = timedelta()) -> list[User]:
    await demo.seed(layout, stack.ports, FakeClock(SystemClock().now() + later))
    return demo.users(layout)


async def outcomes(stack: Stack, user: User, nirs: Mapping[str, str]) -> dict[str, str]:
    """What a user meets with each NIR after his first sign-in."""
    async with aclosing(Portal(stack.gateway_url, stack.ca_file)) as portal:
        signed_in = answered(await portal.sign_in(user.login, user.temporary_password))
        changed = await portal.change_password(
            signed_in["session_token"], user.temporary_password, NEW_PASSWORD
        )
        token = answered(changed)["session_token"]
        return {kind: answered(await portal.consult(token, nir))["outcome"] for kind, nir in nirs.items()}


async def test_every_nir_is_good_for_what_it_says(stack: Stack, layout: Layout) -> None:
    user = (await seed(stack, layout))[0]
    assert await outcomes(stack, user, demo.nirs(layout)) == OUTCOMES
    assert [one.password_changed for one in await seed(stack, layout)] == [True, False, False]


async def test_family_that_objects_to_one_partner_is_shown_to_another(stack: Stack, layout: Layout) -> None:
    other = (await seed(stack, layout))[1]
    nirs = {"opposed_to_partner": demo.nirs(layout)["opposed_to_partner"]}
    assert await outcomes(stack, other, nirs) == {"opposed_to_partner": "OUTCOME_AVAILABLE"}


async def test_second_seeding_changes_nothing(stack: Stack, layout: Layout) -> None:
    users = await seed(stack, layout)
    assert await seed(stack, layout) == users
    assert len(users) == len(AGENTS)


async def test_seeding_that_was_cut_short_is_finished(stack: Stack, layout: Layout) -> None:
    users = await seed(stack, layout)
    memory = Memory(layout)
    memory.users = {AGENTS[0].email: users[0]}
    memory.nirs = {}
    memory.write()
    resumed = await seed(stack, layout)
    assert resumed[0] == users[0]
    assert [user.partner for user in resumed] == [agent.partner for agent in AGENTS]
    assert demo.nirs(layout)


async def test_families_that_came_with_a_later_release_are_added(stack: Stack, layout: Layout) -> None:
    await seed(stack, layout)
    memory = Memory(layout)
    memory.nirs = {kind: nir for kind, nir in memory.nirs.items() if kind != "dossier_closed"}
    memory.write()
    await seed(stack, layout)
    assert demo.nirs(layout).keys() == OUTCOMES.keys()


async def test_temporary_password_about_to_end_is_replaced(stack: Stack, layout: Layout) -> None:
    before = (await seed(stack, layout))[0]
    after = (await seed(stack, layout, later=timedelta(days=40)))[0]
    assert after.login == before.login
    assert after.temporary_password != before.temporary_password


def test_demo_file_tells_scripts_where_everything_is(stack: Stack) -> None:
    shown = stack.demo
    assert shown["gateway_url"] == f"https://127.0.0.1:{stack.ports.edge_port}"
    assert Path(shown["ca_file"]).exists()
    assert Path(shown["mail_folder"]).is_dir()
    assert set(shown["internal_addresses"]) == {"identity", "partners", "quotient"}
    for files in shown["client_certificates"].values():
        assert Path(files["certificate_file"]).exists()
        assert Path(files["private_key_file"]).exists()
    assert {"login", "temporary_password", "partner", "caisse"} <= shown["users"][0].keys()
    assert shown["nirs"].keys() == OUTCOMES.keys()
