"""Art. 4-2, 6-1: a user sees his own lines of the journal, the partner's manager those of its users, nobody others'."""

from typing import Any

import httpx
import pytest

from msa.partners.v1 import habilitation_service_pb2 as habilitation_pb
from tests.caisse import BOURGOGNE, Caisse
from tests.e2e.conftest import Agent
from tests.people import new_nir
from tests.portal import Portal, answered, bearer, queries_for, reason, violations

RESPONSABLE = habilitation_pb.BOUQUET_QUOTIENT_FAMILIAL_RESPONSABLE
PATH = "/v1/consultations"


class TownHall:
    """A partner with two users and a manager."""

    def __init__(self, first: Agent, second: Agent, manager: Agent) -> None:
        self.first, self.second, self.manager = first, second, manager


@pytest.fixture(scope="module")
async def town_hall(caisse: Caisse, portal: Portal) -> TownHall:
    convention = await caisse.convention()
    users = [
        await caisse.register_user(convention, nom="Primevère"),
        await caisse.register_user(convention, nom="Bleuet"),
        await caisse.register_user(convention, RESPONSABLE, nom="Ancolie"),
    ]
    return TownHall(*[Agent(user, await portal.open_session(user)) for user in users])


async def review(portal: Portal, agent: Agent, **parameters: Any) -> dict[str, Any]:
    """`GET /v1/consultations`, answered."""
    return answered(await portal.json.get(PATH, params=parameters, headers=bearer(agent.token)))


async def consult(portal: Portal, agent: Agent, nir: str, **fields: str) -> str:
    """Consults; returns the line's number."""
    return str(answered(await portal.consult(agent.token, nir, **fields))["consultation_id"])


def ids(page: dict[str, Any]) -> list[str]:
    return [each["consultation_id"] for each in page["consultations"]]


async def test_a_user_sees_his_own_lines_newest_first(
    caisse: Caisse, portal: Portal, town_hall: TownHall
) -> None:
    nir = await caisse.publish()
    before = set(ids(await review(portal, town_hall.first)))
    one = await consult(portal, town_hall.first, nir, case_reference="CLSH/118", month="2026-11")
    await consult(portal, town_hall.second, nir)
    two = await consult(portal, town_hall.first, new_nir())
    newest, older, *rest = (await review(portal, town_hall.first))["consultations"]
    assert (newest["consultation_id"], older["consultation_id"]) == (two, one)
    assert {each["consultation_id"] for each in rest} == before
    assert newest["outcome"] == "OUTCOME_NOT_FOUND"
    assert (older["month"], older["purpose"], older["outcome"], older["case_reference"]) == (
        "2026-11",
        "PURPOSE_PRICING",
        "OUTCOME_AVAILABLE",
        "CLSH/118",
    )
    user = town_hall.first.user
    assert older["user"] == {"habilitation_id": user.habilitation_id, "nom": "Primevère", "prenom": "Zoé"}


async def test_neither_whom_it_was_about_nor_what_was_shown_is_told_again(
    caisse: Caisse, portal: Portal, town_hall: TownHall
) -> None:
    nir = await caisse.publish(nom="Zwetschge", amount_cents=4242421)
    await consult(portal, town_hall.first, nir)
    told = await portal.json.get(PATH, headers=bearer(town_hall.first.token))
    assert all(secret not in told.text for secret in (nir[:13], "Zwetschge", "4242421", f"D{nir[-10:]}"))
    assert set(told.json()["consultations"][0]) == {
        "consultation_id",
        "consult_time",
        "month",
        "purpose",
        "purpose_text",
        "case_reference",
        "outcome",
        "user",
    }


async def test_the_manager_sees_the_lines_of_all_users_with_their_names(
    caisse: Caisse, portal: Portal, town_hall: TownHall
) -> None:
    nir = await caisse.publish()
    lines = [
        await consult(portal, agent, nir)
        for agent in (town_hall.first, town_hall.second, town_hall.manager, town_hall.first)
    ]
    page = await review(portal, town_hall.manager, whole_partner=True)
    assert ids(page)[:4] == lines[::-1]
    assert [each["user"]["nom"] for each in page["consultations"][:4]] == [
        "Primevère",
        "Ancolie",
        "Bleuet",
        "Primevère",
    ]
    assert ids(await review(portal, town_hall.manager))[0] == lines[2]


async def test_who_is_no_manager_sees_those_of_nobody_else(portal: Portal, town_hall: TownHall) -> None:
    refused = await portal.json.get(
        PATH, params={"whole_partner": True}, headers=bearer(town_hall.first.token)
    )
    assert (refused.status_code, reason(refused)) == (httpx.codes.FORBIDDEN, "HABILITATION_NOT_VALID")


async def test_a_manager_that_lost_the_habilitation_sees_nothing_from_the_next_call_on_n3(
    caisse: Caisse, portal: Portal
) -> None:
    user = await caisse.register_user(await caisse.convention(), RESPONSABLE)
    manager = Agent(user, await portal.open_session(user))
    await review(portal, manager, whole_partner=True)
    await caisse.habilitations.WithdrawHabilitation(
        habilitation_pb.WithdrawHabilitationRequest(
            habilitation_id=user.habilitation_id, withdrawal_reason="départ"
        )
    )
    refused = await portal.json.get(PATH, params={"whole_partner": True}, headers=bearer(manager.token))
    assert reason(refused) in {"HABILITATION_NOT_VALID", "SESSION_NOT_VALID"}


async def test_nobody_sees_the_lines_of_another_partner(
    caisse: Caisse, portal: Portal, town_hall: TownHall, own_agent: Agent
) -> None:
    nir = await caisse.publish()
    others = await consult(portal, own_agent, nir)
    own = await consult(portal, town_hall.first, nir)
    seen = ids(await review(portal, town_hall.manager, whole_partner=True, page_size=500))
    assert own in seen
    assert others not in seen
    assert ids(await review(portal, own_agent)) == [others]
    assert {line.consultation_id for line in await caisse.journal(nir)} == {own, others}


async def test_pages_follow_one_another_without_gap_or_repetition(
    caisse: Caisse, portal: Portal, own_agent: Agent
) -> None:
    nir = await caisse.publish()
    rows = (await portal.consult_many(own_agent.token, queries_for([nir] * 7))).json()
    made = [row["consultation"]["consultation_id"] for row in rows]
    seen: list[str] = []
    token = ""
    for size in (3, 3, 1):
        page = await review(portal, own_agent, page_size=3, page_token=token)
        assert len(page["consultations"]) == size
        seen += ids(page)
        token = page["next_page_token"]
    assert token == ""
    assert seen == made[::-1]


async def test_a_page_token_opens_no_other_partners_lines(
    caisse: Caisse, portal: Portal, town_hall: TownHall, own_agent: Agent
) -> None:
    nir = await caisse.publish()
    await portal.consult_many(own_agent.token, queries_for([nir] * 3))
    token = (await review(portal, own_agent, page_size=1))["next_page_token"]
    seen = ids(await review(portal, town_hall.first, page_size=500, page_token=token))
    others = {line.consultation_id for line in await caisse.journal(nir, BOURGOGNE)}
    assert not others & set(seen)


@pytest.mark.parametrize(
    ("parameters", "broken"),
    [
        ({"page_size": 501}, ("page_size", "RANGE")),
        ({"page_size": -1}, ("page_size", "RANGE")),
        ({"page_token": "nonsense"}, ("page_token", "PAGE_TOKEN")),
    ],
)
async def test_a_page_that_cannot_be_is_told_by_rule(
    portal: Portal, agent: Agent, parameters: dict[str, Any], broken: tuple[str, str]
) -> None:
    refused = await portal.json.get(PATH, params=parameters, headers=bearer(agent.token))
    assert (refused.status_code, reason(refused)) == (httpx.codes.BAD_REQUEST, "INVALID_FIELD")
    assert violations(refused) == [broken]


async def test_a_user_without_consultations_has_an_empty_page(portal: Portal, own_agent: Agent) -> None:
    assert await review(portal, own_agent) == {"consultations": [], "next_page_token": ""}


async def test_without_a_session_nothing_is_told(portal: Portal) -> None:
    assert reason(await portal.json.get(PATH)) == "SESSION_REQUIRED"
    assert reason(await portal.json.get(PATH, headers=bearer("nobody"))) == "SESSION_NOT_VALID"
