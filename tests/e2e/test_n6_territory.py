"""N6 (art. 4-7, 7-1): a session sees the dossiers of its convention's caisse, and those only."""

from tests.caisse import ELSEWHERE, Caisse
from tests.e2e.conftest import Agent
from tests.people import new_nir
from tests.portal import Portal, answered


async def test_another_caisses_dossier_and_no_dossier_look_the_same(
    caisse: Caisse, portal: Portal, agent: Agent
) -> None:
    elsewhere = await caisse.publish(caisse_code=ELSEWHERE)
    answers = [answered(await portal.consult(agent.token, nir)) for nir in (elsewhere, new_nir())]
    assert [answer.pop("consultation_id") != "" for answer in answers] == [True, True]
    assert answers[0] == answers[1]
    assert answers[0]["outcome"] == "OUTCOME_NOT_FOUND"


async def test_an_opposition_does_not_tell_that_a_dossier_is_elsewhere(
    caisse: Caisse, portal: Portal, agent: Agent
) -> None:
    elsewhere = await caisse.publish(caisse_code=ELSEWHERE)
    await caisse.oppose(elsewhere, caisse_code=ELSEWHERE)
    await caisse.oppose(elsewhere)
    assert answered(await portal.consult(agent.token, elsewhere))["outcome"] == "OUTCOME_NOT_FOUND"


async def test_a_convention_with_the_other_caisse_opens_its_dossiers(caisse: Caisse, portal: Portal) -> None:
    nir = await caisse.publish(caisse_code=ELSEWHERE)
    user = await caisse.habilitate(ELSEWHERE)
    token = await portal.open_session(user)
    assert answered(await portal.consult(token, nir))["outcome"] == "OUTCOME_AVAILABLE"
