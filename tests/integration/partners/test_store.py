"""What the service's own role may do, what is kept, what the log says, and what happens without PostgreSQL."""

from time import monotonic

import psycopg
import pytest

from msa.partners.v1 import habilitation_service_pb2 as habilitation_pb
from services.kit.database import connection_parameters, open_database
from services.kit.errors import DependencyUnavailable
from services.kit.identifiers import new_uuid7
from services.kit.migrate import OwnerSettings
from services.partners.config import PartnersSettings
from services.partners.habilitations.domain import AuthorizationQuery, OnlineService
from tests.caisse import SIGNED_FORM
from tests.clock import FakeClock
from tests.integration.partners.agent import Agent, refused
from tests.integration.partners.register import Register
from tests.stack import Stack


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM partners",
        "DELETE FROM suspensions",
        "DELETE FROM conventions",
        "DELETE FROM convention_ends",
        "DELETE FROM habilitations",
        "TRUNCATE partners, suspensions, conventions, convention_ends, habilitations",
        "UPDATE partners SET caisse_code = '25'",
        "UPDATE suspensions SET suspension_reason = 'x'",
        "UPDATE conventions SET partner_id = NULL",
        "DELETE FROM events",
        "UPDATE events SET reason = 'x'",
        "TRUNCATE events, convention_facts",
        "DELETE FROM convention_facts",
        "UPDATE convention_facts SET details = '{}'",
        "DELETE FROM caisse_agents",
        "UPDATE caisse_agents SET agent_name = 'x'",
        "DELETE FROM access_requests",
        "DELETE FROM user_suspensions",
        "DELETE FROM propagations",
        "UPDATE convention_ends SET end_reason = 'x'",
        "UPDATE habilitations SET convention_id = NULL",
        "DELETE FROM maintenances",
        "UPDATE maintenances SET end_time = end_time",
        "DELETE FROM caisse_settings",
        "UPDATE schema_migrations SET version = '9999'",
        "CREATE TABLE own (value text)",
    ],
)
async def test_the_service_deletes_nothing_and_rewrites_no_history(stack: Stack, statement: str) -> None:
    settings = stack.settings("partners", PartnersSettings).database
    async with await psycopg.AsyncConnection.connect(**connection_parameters(settings)) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await connection.execute(statement.encode())


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET reason = 'x'",
        "DELETE FROM events",
        "TRUNCATE events",
        "UPDATE convention_facts SET details = '{}'",
        "DELETE FROM convention_facts",
        "TRUNCATE convention_facts",
    ],
)
async def test_not_even_the_owner_rewrites_the_history(
    stack: Stack, register: Register, statement: str
) -> None:
    await register.convention()
    settings = stack.settings("partners_owner", OwnerSettings).database
    async with await psycopg.AsyncConnection.connect(**connection_parameters(settings)) as connection:
        with pytest.raises(psycopg.errors.RestrictViolation):
            await connection.execute(statement.encode())


async def test_no_name_and_no_address_reaches_the_log(stack: Stack, agent: Agent) -> None:
    """N5: success and refusals alike."""
    habilitation = await agent.habilitation(email="sentinelle.zzyzx@vallombreuse.example")
    request = habilitation_pb.RegisterHabilitationRequest(
        convention_id=habilitation.convention_id,
        user=habilitation.user,
        bouquet=habilitation.bouquet,
        form=SIGNED_FORM,
    )
    async with refused() as twice:
        await agent.habilitations.RegisterHabilitation(request)
    request.user.email = "sentinelle zzyzx"
    async with refused() as malformed:
        await agent.habilitations.RegisterHabilitation(request)
    log = stack.layout.log("partners").read_text()
    assert habilitation.habilitation_id in log
    for told in (log, twice.text, malformed.text):
        assert not any(secret in told for secret in ("zzyzx", "Pâquerette", r"P\u00e2querette", "Zoé"))


async def test_without_a_database_there_is_no_verdict(stack: Stack, clock: FakeClock) -> None:
    """N8."""
    settings = stack.settings("partners", PartnersSettings).database.model_copy(update={"port": 1})
    async with open_database(settings) as nowhere:
        register = Register(nowhere, clock)
        began = monotonic()
        with pytest.raises(DependencyUnavailable):
            await register.habilitations.authorize(
                [AuthorizationQuery(new_uuid7(clock.now()), OnlineService.QUOTIENT_CONSULTATION)]
            )
    assert monotonic() - began < 2
