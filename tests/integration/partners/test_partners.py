"""The register of partners (art. 4-2) and their suspension (art. 7-2), as a caisse agent uses them."""

import secrets
from typing import Any

import grpc
import pytest
from google.type.date_pb2 import Date

from msa.partners.v1 import habilitation_service_pb2 as habilitation_pb
from msa.partners.v1 import partner_service_pb2 as pb
from services.kit.identifiers import encode_page_token
from tests.integration.partners.agent import Agent, refused
from tests.stack import Stack

UNKNOWN = "01900000-0000-7000-8000-000000000000"


async def test_the_caisses_are_listed_by_code_with_their_departments(agent: Agent) -> None:
    caisses = (await agent.caisses.ListCaisses(pb.ListCaissesRequest())).caisses
    assert len(caisses) == 35
    bourgogne = pb.Caisse(caisse_code="21", name="MSA Bourgogne", departments=["21", "58", "71", "89"])
    assert bourgogne in caisses


async def test_a_partner_is_shown_as_it_was_registered(agent: Agent) -> None:
    partner = await agent.partner("21")
    shown = await agent.partners.GetPartner(pb.GetPartnerRequest(partner_id=partner.partner_id))
    assert shown.partner == partner
    assert partner.denomination == "Mairie de Vallombreuse"
    assert partner.HasField("create_time")
    assert not partner.HasField("suspend_time")


async def test_a_numero_tiers_names_one_partner_of_a_caisse(agent: Agent) -> None:
    partner = await agent.partner("21")
    async with refused() as refusal:
        await agent.partner("21", partner.numero_tiers)
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.ALREADY_EXISTS, "RECORD_ALREADY_EXISTS")
    assert "art. 4-2" in refusal.text
    elsewhere = await agent.partner("25", partner.numero_tiers)
    assert elsewhere.partner_id != partner.partner_id


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("caisse_code", "00", "CAISSE_CODE"),
        ("numero_tiers", "T_1", "NUMERO_TIERS"),
        ("denomination", "", "LENGTH"),
        ("denomination", "x" * 201, "LENGTH"),
        ("denomination", "a\0b", "CONTROL_CHARACTER"),
    ],
)
async def test_what_is_wrong_with_a_partner_is_told_by_rule(
    agent: Agent, field: str, value: str, rule: str
) -> None:
    values: dict[str, Any] = {
        "caisse_code": "21",
        "numero_tiers": "T1",
        "denomination": "Mairie",
        field: value,
    }
    async with refused() as refusal:
        await agent.partners.RegisterPartner(pb.RegisterPartnerRequest(**values))
    assert (refusal.reason, refusal.rules) == ("INVALID_FIELD", [(field, rule)])


async def test_partners_are_listed_page_by_page_by_numero_tiers(agent: Agent) -> None:
    prefix = f"P{secrets.token_hex(6)}"
    # In the order of characters, whatever the language of the database.
    numeros = [f"{prefix}{end}" for end in ("-1", "0", "9", "A", "Z", "a", "z")]
    for numero in reversed(numeros):
        await agent.partner("49", numero)
    token, listed = encode_page_token(prefix), list[str]()
    while len(listed) < len(numeros):
        request = pb.ListPartnersRequest(caisse_code="49", page_size=3, page_token=token)
        page = await agent.partners.ListPartners(request)
        listed += [partner.numero_tiers for partner in page.partners]
        token = page.next_page_token
        if not token:
            break
    assert listed[: len(numeros)] == numeros


async def test_the_last_page_has_no_token(agent: Agent) -> None:
    await agent.partner("48")
    page = await agent.partners.ListPartners(pb.ListPartnersRequest(caisse_code="48", page_size=500))
    assert page.next_page_token == ""
    assert all(partner.caisse_code == "48" for partner in page.partners)


@pytest.mark.parametrize("token", ["é", "AAAA", encode_page_token("a b")])
async def test_a_page_token_that_we_never_gave_is_refused(agent: Agent, token: str) -> None:
    async with refused() as refusal:
        await agent.partners.ListPartners(pb.ListPartnersRequest(caisse_code="21", page_token=token))
    assert refusal.rules[0][0] == "page_token"


class TestSuspension:
    async def test_a_suspension_holds_from_the_next_call(self, agent: Agent) -> None:
        """N3, art. 7-2."""
        habilitation = await agent.habilitation()
        assert await agent.decision(habilitation.habilitation_id) == "GRANTED"
        suspended = await agent.partners.SuspendPartner(
            pb.SuspendPartnerRequest(partner_id=habilitation.partner_id, suspension_reason="accès suspect")
        )
        assert suspended.partner.HasField("suspend_time")
        assert await agent.decision(habilitation.habilitation_id) == "PARTNER_SUSPENDED"

    async def test_lifted_it_lets_the_partner_in_again(self, agent: Agent) -> None:
        habilitation = await agent.habilitation()
        request = pb.SuspendPartnerRequest(
            partner_id=habilitation.partner_id, suspension_reason="accès suspect"
        )
        await agent.partners.SuspendPartner(request)
        lift = pb.LiftSuspensionRequest(partner_id=habilitation.partner_id)
        lifted = await agent.partners.LiftSuspension(lift)
        assert not lifted.partner.HasField("suspend_time")
        assert await agent.decision(habilitation.habilitation_id) == "GRANTED"
        await agent.partners.SuspendPartner(request)
        assert await agent.decision(habilitation.habilitation_id) == "PARTNER_SUSPENDED"

    async def test_suspended_again_it_is_suspended_as_was_said_last(self, agent: Agent) -> None:
        partner = await agent.partner()
        until = Date(year=2190, month=1, day=1)
        request = pb.SuspendPartnerRequest(partner_id=partner.partner_id, suspension_reason="accès suspect")
        await agent.partners.SuspendPartner(request)
        request.until_date.CopyFrom(until)
        second = (await agent.partners.SuspendPartner(request)).partner
        assert second.suspension.until_date == until
        lifted = await agent.partners.LiftSuspension(pb.LiftSuspensionRequest(partner_id=partner.partner_id))
        assert not lifted.partner.HasField("suspension")

    async def test_a_definitive_suspension_is_neither_lifted_nor_replaced(self, agent: Agent) -> None:
        """Art. 7-2."""
        partner = await agent.partner()
        request = pb.SuspendPartnerRequest(
            partner_id=partner.partner_id,
            suspension_reason="fraude",
            kind=habilitation_pb.SUSPENSION_KIND_DEFINITIVE,
        )
        await agent.partners.SuspendPartner(request)
        for call in (
            agent.partners.LiftSuspension(pb.LiftSuspensionRequest(partner_id=partner.partner_id)),
            agent.partners.SuspendPartner(request),
        ):
            async with refused() as refusal:
                await call
            assert refusal.reason == "RECORD_STATE"
            assert "art. 7-2" in refusal.text

    @pytest.mark.parametrize(
        ("kind", "until", "rule"),
        [
            (
                habilitation_pb.SUSPENSION_KIND_DEFINITIVE,
                Date(year=2190, month=1, day=1),
                "DEFINITIVE_HAS_NO_END",
            ),
            (habilitation_pb.SUSPENSION_KIND_TEMPORARY, Date(year=2020, month=1, day=1), "DATE_PASSED"),
            (habilitation_pb.SUSPENSION_KIND_UNSPECIFIED, Date(year=2027, month=2, day=29), "DATE_UNKNOWN"),
        ],
    )
    async def test_an_end_that_makes_no_sense_is_told_by_rule(
        self, agent: Agent, kind: habilitation_pb.SuspensionKind.ValueType, until: Date, rule: str
    ) -> None:
        partner = await agent.partner()
        request = pb.SuspendPartnerRequest(
            partner_id=partner.partner_id, suspension_reason="soupçon", kind=kind, until_date=until
        )
        async with refused() as refusal:
            await agent.partners.SuspendPartner(request)
        assert refusal.rules == [("until_date", rule)]

    async def test_there_is_nothing_to_lift_of_a_partner_that_is_not_suspended(self, agent: Agent) -> None:
        partner = await agent.partner()
        async with refused() as refusal:
            await agent.partners.LiftSuspension(pb.LiftSuspensionRequest(partner_id=partner.partner_id))
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "RECORD_STATE")

    @pytest.mark.parametrize("reason", ["", " ", "x" * 501])
    async def test_a_suspension_has_its_reason(self, agent: Agent, reason: str) -> None:
        partner = await agent.partner()
        request = pb.SuspendPartnerRequest(partner_id=partner.partner_id, suspension_reason=reason)
        async with refused() as refusal:
            await agent.partners.SuspendPartner(request)
        assert refusal.rules == [("suspension_reason", "LENGTH")]


async def test_an_unknown_partner_is_not_found(agent: Agent) -> None:
    calls = (
        agent.partners.GetPartner(pb.GetPartnerRequest(partner_id=UNKNOWN)),
        agent.partners.SuspendPartner(pb.SuspendPartnerRequest(partner_id=UNKNOWN, suspension_reason="vol")),
        agent.partners.LiftSuspension(pb.LiftSuspensionRequest(partner_id=UNKNOWN)),
    )
    for call in calls:
        async with refused() as refusal:
            await call
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.NOT_FOUND, "RECORD_NOT_FOUND")


async def test_an_identifier_that_is_none_is_told_by_rule(agent: Agent) -> None:
    async with refused() as refusal:
        await agent.partners.GetPartner(pb.GetPartnerRequest(partner_id="T1"))
    assert refusal.rules == [("partner_id", "UUID")]


class TestAllowList:
    async def test_the_gateway_may_not_use_the_register(self, stack: Stack) -> None:
        async with stack.channel("partners", "gateway") as channel:
            stranger = Agent(channel, channel)
            async with refused() as refusal:
                await stranger.caisses.ListCaisses(pb.ListCaissesRequest())
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.PERMISSION_DENIED, "CLIENT_NOT_ALLOWED")

    @pytest.mark.parametrize("client", ["qf", "identity", "quotient"])
    async def test_nobody_but_the_gateway_may_authorize(self, stack: Stack, client: str) -> None:
        async with stack.channel("partners", client) as channel:
            stranger = Agent(channel, channel)
            async with refused() as refusal:
                await stranger.authorize(UNKNOWN)
        assert refusal.reason == "CLIENT_NOT_ALLOWED"

    async def test_without_a_certificate_there_is_no_call(self, stack: Stack) -> None:
        async with stack.channel("partners", None) as channel, refused() as refusal:
            await Agent(channel, channel).authorize(UNKNOWN)
        assert refusal.code is grpc.StatusCode.UNAVAILABLE
