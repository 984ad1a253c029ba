"""What the service's own role may do, what is kept, what the log says, and what happens without PostgreSQL."""

from dataclasses import dataclass
from datetime import date
from time import monotonic

import psycopg
import pytest

from msa.partners.v1 import habilitation_service_pb2 as habilitation_pb
from services.kit.database import Database, connection_parameters, open_database
from services.kit.errors import DependencyUnavailable
from services.kit.identifiers import new_uuid7
from services.partners.config import PartnersSettings
from services.partners.habilitations.domain import AuthorizationQuery, Bouquet
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
        "UPDATE conventions SET signature_date = '2020-01-01'",
        "UPDATE convention_ends SET end_reason = 'x'",
        "UPDATE habilitations SET convention_id = NULL",
        "UPDATE schema_migrations SET version = '9999'",
        "CREATE TABLE own (value text)",
    ],
)
async def test_the_service_deletes_nothing_and_rewrites_no_history(stack: Stack, statement: str) -> None:
    settings = stack.settings("partners", PartnersSettings).database
    async with await psycopg.AsyncConnection.connect(**connection_parameters(settings)) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await connection.execute(statement.encode())


@dataclass
class Kept:
    reason: str
    is_timed: bool


async def test_reasons_and_times_are_kept(register: Register, database: Database, clock: FakeClock) -> None:
    """Art. 4-4, 7-2, 9-2: what was decided about a partner can be told afterwards."""
    convention = await register.convention()
    habilitation = await register.habilitation(convention)
    await register.partners.suspend(convention.partner_id, "première suspicion")
    await register.partners.suspend(convention.partner_id, "pendant la première")
    await register.partners.lift_suspension(convention.partner_id)
    await register.partners.suspend(convention.partner_id, "seconde suspicion")
    await register.habilitations.withdraw(habilitation.habilitation_id, "départ")
    await register.conventions.end(convention.convention_id, date(2027, 3, 10), "dénonciation")
    await register.conventions.end(convention.convention_id, date(2026, 11, 23), "manquement")
    kept = await database.fetch_all(
        "read_history",
        Kept,
        """
        SELECT suspension_reason AS reason, suspend_time = %(now)s AS is_timed
        FROM suspensions WHERE partner_id = %(partner)s
        UNION ALL
        SELECT end_reason, record_time = %(now)s FROM convention_ends WHERE convention_id = %(convention)s
        UNION ALL
        SELECT withdrawal_reason, withdraw_time = %(now)s FROM habilitations WHERE convention_id = %(convention)s
        """,
        {
            "now": clock.now(),
            "partner": convention.partner_id,
            "convention": convention.convention_id,
        },
    )
    assert {record.reason for record in kept} == {
        *("première suspicion", "seconde suspicion", "dénonciation", "manquement", "départ")
    }
    assert len(kept) == 5
    assert all(record.is_timed for record in kept)


async def test_no_name_and_no_address_reaches_the_log(stack: Stack, agent: Agent) -> None:
    """N5: success and refusals alike."""
    habilitation = await agent.habilitation(email="sentinelle.zzyzx@vallombreuse.example")
    request = habilitation_pb.RegisterHabilitationRequest(
        convention_id=habilitation.convention_id, user=habilitation.user, bouquet=habilitation.bouquet
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
                [AuthorizationQuery(new_uuid7(clock.now()), Bouquet.QUOTIENT_FAMILIAL)]
            )
    assert monotonic() - began < 2
