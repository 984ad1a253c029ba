"""Conventions (art. 9) on a real database: before the running server, and at chosen instants."""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import grpc
import pytest
from google.type.date_pb2 import Date

from msa.partners.v1 import convention_service_pb2 as pb
from services.kit.database import ConstraintViolated, Database
from services.kit.identifiers import new_uuid7
from services.partners.conventions.domain import ConventionEnded, ConventionState
from services.partners.conventions.records import ConventionRecord
from services.partners.conventions.store import ConventionStore
from services.partners.habilitations.domain import ConventionNotInForce, Decision
from tests.clock import FakeClock
from tests.integration.partners.agent import SIGNED, Agent, refused
from tests.integration.partners.register import AGENT, Register

LONG_AGO = Date(year=2020, month=1, day=1)
FAR_AHEAD = Date(year=2190, month=1, day=1)


async def test_a_convention_is_shown_as_it_was_registered(agent: Agent) -> None:
    convention = await agent.convention()
    shown = await agent.conventions.GetConvention(
        pb.GetConventionRequest(convention_id=convention.convention_id)
    )
    assert shown.convention == convention
    assert convention.state == pb.CONVENTION_STATE_IN_FORCE
    assert convention.signature_date == convention.cnil_declaration_date == SIGNED
    assert (convention.term_date.month, convention.term_date.day) == (3, 10)
    assert not convention.HasField("end_date")


async def test_without_the_cnil_declaration_it_opens_nothing_and_with_it_it_does(agent: Agent) -> None:
    """Art. 9-1."""
    convention = await agent.convention(cnil=None)
    assert convention.state == pb.CONVENTION_STATE_PENDING
    assert not convention.HasField("cnil_declaration_date")
    async with refused() as refusal:
        await agent.habilitation(convention)
    assert refusal.reason == "RECORD_STATE"
    assert "art. 4-2, 9-1" in refusal.text
    recorded = await agent.conventions.RecordCnilDeclaration(
        pb.RecordCnilDeclarationRequest(convention_id=convention.convention_id, cnil_declaration_date=SIGNED)
    )
    assert recorded.convention.state == pb.CONVENTION_STATE_IN_FORCE
    habilitation = await agent.habilitation(convention)
    assert await agent.decision(habilitation.habilitation_id) == "GRANTED"


async def test_a_signature_in_the_future_is_pending(agent: Agent) -> None:
    convention = await agent.convention(signature_date=FAR_AHEAD)
    assert convention.state == pb.CONVENTION_STATE_PENDING


async def test_a_partner_has_one_convention_with_a_caisse_at_a_time(agent: Agent) -> None:
    partner = await agent.partner()
    await agent.convention(partner, cnil=None)
    async with refused() as refusal:
        await agent.convention(partner)
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.ALREADY_EXISTS, "RECORD_ALREADY_EXISTS")


async def test_of_registrations_at_once_exactly_one_succeeds(agent: Agent) -> None:
    partner = await agent.partner()
    outcomes = await asyncio.gather(*(agent.convention(partner) for _ in range(8)), return_exceptions=True)
    refusals = [outcome for outcome in outcomes if isinstance(outcome, grpc.aio.AioRpcError)]
    assert [refusal.code() for refusal in refusals] == [grpc.StatusCode.ALREADY_EXISTS] * 7


async def test_the_database_alone_keeps_a_second_open_convention_out(
    register: Register, database: Database, clock: FakeClock
) -> None:
    """As when another registration commits after the rule was asked."""
    second = replace(await register.convention(), convention_id=new_uuid7(clock.now()))
    store, record = ConventionStore(database), ConventionRecord(second, 1, ())
    with pytest.raises(ConstraintViolated) as violated:
        async with database.transaction("insert_second") as connection:
            await store.insert(connection, record, clock.now())
    assert violated.value.constraint_name == "conventions_open_key"


async def test_the_convention_is_with_the_caisse_that_registered_the_partner(agent: Agent) -> None:
    """Art. 4-7."""
    partner = await agent.partner("21")
    for caisse_code in ("25", "00", ""):
        request = pb.RegisterConventionRequest(
            partner_id=partner.partner_id, caisse_code=caisse_code, signature_date=SIGNED
        )
        async with refused() as refusal:
            await agent.conventions.RegisterConvention(request)
        assert refusal.rules == [("caisse_code", "CAISSE_OF_PARTNER")]


@pytest.mark.parametrize(
    ("signature_date", "cnil", "violation"),
    [
        (None, None, ("signature_date", "DATE_REQUIRED")),
        (Date(year=2026, month=2, day=30), None, ("signature_date", "DATE_UNKNOWN")),
        (Date(year=2026), None, ("signature_date", "DATE_INCOMPLETE")),
        (SIGNED, Date(), ("cnil_declaration_date", "DATE_REQUIRED")),
        (SIGNED, Date(year=99, month=1, day=1), ("cnil_declaration_date", "DATE_RANGE")),
    ],
)
async def test_what_is_wrong_with_a_date_is_told_by_rule(
    agent: Agent, signature_date: Date | None, cnil: Date | None, violation: tuple[str, str]
) -> None:
    partner = await agent.partner()
    request = pb.RegisterConventionRequest(
        partner_id=partner.partner_id,
        caisse_code=partner.caisse_code,
        signature_date=signature_date,
        cnil_declaration_date=cnil,
    )
    async with refused() as refusal:
        await agent.conventions.RegisterConvention(request)
    assert refusal.rules == [violation]


class TestEnd:
    async def test_an_end_holds_from_the_next_call(self, agent: Agent) -> None:
        """N3, art. 9-2."""
        convention = await agent.convention()
        habilitation = await agent.habilitation(convention)
        assert await agent.decision(habilitation.habilitation_id) == "GRANTED"
        ended = await _end(agent, convention, SIGNED)
        assert ended.state == pb.CONVENTION_STATE_ENDED
        assert await agent.decision(habilitation.habilitation_id) == "CONVENTION_NOT_IN_FORCE"

    async def test_what_is_over_is_not_ended_again(self, agent: Agent) -> None:
        convention = await agent.convention()
        await _end(agent, convention, SIGNED)
        async with refused() as refusal:
            await _end(agent, convention, SIGNED)
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "RECORD_STATE")

    async def test_of_ends_at_once_exactly_one_is_recorded(self, agent: Agent) -> None:
        convention = await agent.convention()
        outcomes = await asyncio.gather(
            *(_end(agent, convention, SIGNED) for _ in range(4)), return_exceptions=True
        )
        refusals = [outcome for outcome in outcomes if isinstance(outcome, grpc.aio.AioRpcError)]
        assert [refusal.code() for refusal in refusals] == [grpc.StatusCode.FAILED_PRECONDITION] * 3

    async def test_no_habilitation_begins_under_a_convention_that_is_over(self, agent: Agent) -> None:
        convention = await agent.convention()
        await _end(agent, convention, SIGNED)
        async with refused() as refusal:
            await agent.habilitation(convention)
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "RECORD_STATE")

    async def test_another_convention_may_follow(self, agent: Agent) -> None:
        partner = await agent.partner()
        await _end(agent, await agent.convention(partner), SIGNED)
        assert (await agent.convention(partner)).state == pb.CONVENTION_STATE_IN_FORCE

    async def test_an_end_before_the_signature_is_refused(self, agent: Agent) -> None:
        convention = await agent.convention()
        async with refused() as refusal:
            await _end(agent, convention, LONG_AGO)
        assert refusal.rules == [("end_date", "END_BEFORE_SIGNATURE")]

    async def test_an_end_has_its_reason(self, agent: Agent) -> None:
        convention = await agent.convention()
        request = pb.EndConventionRequest(convention_id=convention.convention_id, end_date=SIGNED)
        async with refused() as refusal:
            await agent.conventions.EndConvention(request)
        assert refusal.rules == [("end_reason", "LENGTH")]


async def test_an_unknown_convention_is_not_found(agent: Agent) -> None:
    unknown = "01900000-0000-7000-8000-000000000000"
    calls = (
        agent.conventions.GetConvention(pb.GetConventionRequest(convention_id=unknown)),
        agent.conventions.RecordCnilDeclaration(
            pb.RecordCnilDeclarationRequest(convention_id=unknown, cnil_declaration_date=SIGNED)
        ),
        agent.conventions.EndConvention(
            pb.EndConventionRequest(convention_id=unknown, end_date=SIGNED, end_reason="fin")
        ),
        agent.conventions.RegisterConvention(
            pb.RegisterConventionRequest(partner_id=unknown, caisse_code="21", signature_date=SIGNED)
        ),
    )
    for call in calls:
        async with refused() as refusal:
            await call
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.NOT_FOUND, "RECORD_NOT_FOUND")


class TestAtAnInstant:
    async def test_today_ends_it_at_once(self, register: Register) -> None:
        convention = await register.convention()
        habilitation = await register.habilitation(convention)
        assert await register.decision(habilitation) is Decision.GRANTED
        await register.conventions.end(AGENT, convention.convention_id, date(2026, 11, 23), "manquement")
        assert await register.decision(habilitation) is Decision.CONVENTION_NOT_IN_FORCE

    async def test_an_end_to_come_takes_effect_at_midnight_in_paris(
        self, register: Register, clock: FakeClock
    ) -> None:
        convention = await register.convention()
        habilitation = await register.habilitation(convention)
        await register.conventions.end(AGENT, convention.convention_id, date(2027, 1, 1), "dénonciation")
        clock.advance(datetime(2026, 12, 31, 22, 59, 59, tzinfo=UTC) - clock.now())
        assert await register.decision(habilitation) is Decision.GRANTED
        clock.advance(timedelta(seconds=1))
        assert await register.decision(habilitation) is Decision.CONVENTION_NOT_IN_FORCE

    async def test_it_takes_effect_at_midnight_of_its_signature_in_paris(
        self, register: Register, clock: FakeClock
    ) -> None:
        convention = await register.convention(date(2027, 7, 1), date(2027, 6, 1))
        clock.advance(datetime(2027, 6, 30, 21, 59, 59, tzinfo=UTC) - clock.now())
        with pytest.raises(ConventionNotInForce):
            await register.habilitation(convention)
        clock.advance(timedelta(seconds=1))
        habilitation = await register.habilitation(convention)
        assert await register.decision(habilitation) is Decision.GRANTED

    async def test_it_renews_itself_on_its_anniversary(self, register: Register, clock: FakeClock) -> None:
        """Art. 9-1."""
        convention = await register.convention()
        habilitation = await register.habilitation(convention)
        clock.advance(datetime(2027, 3, 9, 22, 59, tzinfo=UTC) - clock.now())
        assert (await register.conventions.get(AGENT, convention.convention_id)).term_date == date(
            2027, 3, 10
        )
        clock.advance(timedelta(minutes=1))
        renewed = await register.conventions.get(AGENT, convention.convention_id)
        assert renewed.convention == convention
        assert (renewed.state, renewed.term_date) == (ConventionState.IN_FORCE, date(2028, 3, 10))
        assert await register.decision(habilitation) is Decision.GRANTED

    async def test_an_end_to_come_can_be_brought_forward(self, register: Register) -> None:
        convention = await register.convention()
        await register.conventions.end(AGENT, convention.convention_id, date(2027, 3, 10), "dénonciation")
        ended = await register.conventions.end(
            AGENT, convention.convention_id, date(2026, 11, 23), "manquement"
        )
        assert ended.state is ConventionState.ENDED
        with pytest.raises(ConventionEnded):
            await register.conventions.end(AGENT, convention.convention_id, date(2026, 11, 23), "encore")


async def _end(agent: Agent, convention: pb.Convention, end_date: Date) -> pb.Convention:
    request = pb.EndConventionRequest(
        convention_id=convention.convention_id, end_date=end_date, end_reason="dénonciation"
    )
    return (await agent.conventions.EndConvention(request)).convention
