"""N7, as far as it exists: neither the service's role nor the owner of the schema alters or cuts the journal.

That a third party can prove it offline is still to come.
"""

import pytest

from deploy.local.postgres import connect
from tests.caisse import Caisse
from tests.e2e.conftest import Agent
from tests.portal import Portal, answered
from tests.stack import Stack


@pytest.mark.parametrize("role", ["quotient_service", "quotient_owner"])
@pytest.mark.parametrize(
    "statement",
    ["UPDATE disclosures SET case_reference = ''", "DELETE FROM disclosures", "TRUNCATE disclosures"],
)
async def test_the_journal_is_only_ever_added_to(
    stack: Stack, caisse: Caisse, portal: Portal, agent: Agent, role: str, statement: str
) -> None:
    nir = await caisse.publish()
    answered(await portal.consult(agent.token, nir))
    before = await caisse.journal(nir)
    async with await connect(stack.layout, stack.ports.postgres_port, "quotient") as database:
        await database.execute(f"SET ROLE {role}".encode())
        with pytest.raises(Exception, match=r"denied|append") as refused:
            await database.execute(statement.encode())
    assert refused.type.__module__.startswith("psycopg")
    assert await caisse.journal(nir) == before
