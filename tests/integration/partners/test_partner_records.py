"""What a caisse knows of its partners (art. 4-2, 7-1, 13-7): kept, changed, found again, before the running server."""

import secrets
from typing import Any

import grpc
import pytest
from google.type.date_pb2 import Date

from msa.partners.v1 import history_service_pb2 as history_pb
from msa.partners.v1 import partner_service_pb2 as pb
from tests.integration.partners.agent import SIGNED, Agent, refused
from tests.integration.partners.register import new_numero_tiers

SEAT = pb.Seat(street="14 rue des Tilleuls", postal_code="21990", commune="Vallombreuse")
PROFILE = pb.PartnerProfile(
    representative="Aubin Verlaine",
    representative_function="Maire",
    structure_kind=pb.STRUCTURE_KIND_COMMUNE,
    departments=["21", "71"],
    siret="73282932000074",
    email="mairie@vallombreuse.example",
)


async def registered(agent: Agent, caisse_code: str = "21", **changed: Any) -> pb.Partner:
    await agent.ensure_agent(caisse_code)
    values = {"denomination": "Mairie de Vallombreuse", "profile": PROFILE, "seat": SEAT, **changed}
    request = pb.RegisterPartnerRequest(
        caisse_code=caisse_code, numero_tiers=values.pop("numero_tiers", new_numero_tiers()), **values
    )
    return (await agent.partners.RegisterPartner(request)).partner


async def test_a_partner_is_kept_with_all_that_is_known_of_it(agent: Agent) -> None:
    partner = await registered(agent)
    assert (partner.profile, partner.seat) == (PROFILE, SEAT)
    shown = await agent.partners.GetPartner(pb.GetPartnerRequest(partner_id=partner.partner_id))
    assert shown.partner == partner


@pytest.mark.parametrize(
    ("changed", "violation"),
    [
        ({"profile": pb.PartnerProfile(siret="73282932000075")}, ("profile.siret", "SIRET")),
        ({"profile": pb.PartnerProfile(siret="٧٣٢٨٢٩٣٢٠٠٠٠٧٤")}, ("profile.siret", "SIRET")),
        ({"profile": pb.PartnerProfile(departments=["20"])}, ("profile.departments", "DEPARTMENT")),
        ({"profile": pb.PartnerProfile(departments=["33"])}, ("profile.departments", "DEPARTMENT_OF_CAISSE")),
        ({"profile": pb.PartnerProfile(email="mairie")}, ("profile.email", "EMAIL")),
        ({"profile": pb.PartnerProfile(structure_kind=99)}, ("profile.structure_kind", "STRUCTURE_KIND")),  # type: ignore[arg-type]  # unknown on purpose
        ({"seat": pb.Seat(postal_code="2100")}, ("seat.postal_code", "POSTAL_CODE")),
        ({"seat": pb.Seat(commune="x" * 101)}, ("seat.commune", "LENGTH")),
        ({"reason": "x" * 501}, ("reason", "LENGTH")),
    ],
)
async def test_what_is_wrong_is_told_by_rule_and_not_repeated(
    agent: Agent, changed: dict[str, Any], violation: tuple[str, str]
) -> None:
    async with refused() as refusal:
        await registered(agent, **changed)
    assert refusal.rules == [violation]


async def test_of_two_agents_who_edit_a_partner_the_second_is_told_and_nothing_is_lost(agent: Agent) -> None:
    partner = await registered(agent)

    async def edit(representative: str) -> pb.Partner:
        profile = pb.PartnerProfile(representative=representative)
        request = pb.UpdatePartnerRequest(
            partner_id=partner.partner_id, denomination="Mairie", profile=profile, etag=partner.etag
        )
        return (await agent.partners.UpdatePartner(request)).partner

    first = await edit("Solène Audibert")
    async with refused() as refusal:
        await edit("Gaspard Meunier")
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.ABORTED, "RECORD_CHANGED")
    shown = await agent.partners.GetPartner(pb.GetPartnerRequest(partner_id=partner.partner_id))
    assert shown.partner == first


async def test_an_edit_without_an_etag_is_refused(agent: Agent) -> None:
    partner = await registered(agent)
    async with refused() as refusal:
        await agent.partners.UpdatePartner(
            pb.UpdatePartnerRequest(partner_id=partner.partner_id, denomination="Mairie")
        )
    assert refusal.rules == [("etag", "ETAG_REQUIRED")]


class TestSeat:
    """Art. 13-7."""

    async def test_a_partner_moves_by_registered_letter(self, agent: Agent) -> None:
        partner = await registered(agent)
        moved = pb.Seat(street="2 quai Neuf", postal_code="21991", commune="Combe-Verte")
        request = pb.ChangeSeatRequest(partner_id=partner.partner_id, seat=moved, letter_receipt_date=SIGNED)
        changed = (await agent.partners.ChangeSeat(request)).partner
        assert (changed.seat, changed.profile) == (moved, PROFILE)
        assert changed.etag != partner.etag
        told = await agent.history.ListEvents(
            history_pb.ListEventsRequest(caisse_code="21", subject_id=partner.partner_id, page_size=1)
        )
        assert [(one.field, one.before, one.after) for one in told.events[0].changes] == [
            ("letter_receipt_date", "", "2025-03-10"),
            ("seat.commune", "Vallombreuse", "Combe-Verte"),
            ("seat.postal_code", "21990", "21991"),
            ("seat.street", "14 rue des Tilleuls", "2 quai Neuf"),
            ("version", "1", "2"),
        ]

    async def test_a_seat_that_was_not_known_needs_no_letter(self, agent: Agent) -> None:
        partner = await registered(agent, seat=None)
        request = pb.ChangeSeatRequest(partner_id=partner.partner_id, seat=SEAT)
        assert (await agent.partners.ChangeSeat(request)).partner.seat == SEAT
        async with refused() as refusal:
            await agent.partners.ChangeSeat(request)
        assert refusal.rules == [("letter_receipt_date", "DATE_REQUIRED")]

    @pytest.mark.parametrize(
        ("seat", "received", "violation"),
        [
            (pb.Seat(commune="Combe-Verte"), SIGNED, ("seat", "SEAT_INCOMPLETE")),
            (SEAT, Date(year=2190, month=1, day=1), ("letter_receipt_date", "DATE_IN_FUTURE")),
            (SEAT, None, ("letter_receipt_date", "DATE_REQUIRED")),
        ],
    )
    async def test_without_a_letter_it_does_not(
        self, agent: Agent, seat: pb.Seat, received: Date | None, violation: tuple[str, str]
    ) -> None:
        partner = await registered(agent)
        request = pb.ChangeSeatRequest(partner_id=partner.partner_id, seat=seat, letter_receipt_date=received)
        async with refused() as refusal:
            await agent.partners.ChangeSeat(request)
        assert refusal.rules == [violation]


class TestSearch:
    @pytest.mark.parametrize(
        "query",
        ["chateau", "CHÂTEAU-sur-œuvre", "oeuvre chateau", "chât", "mairie oeuv", "saint-éloi", "eloi"],
    )
    async def test_a_partner_is_found_by_name_and_commune_without_accents(
        self, agent: Agent, query: str
    ) -> None:
        mark = f"Z{secrets.token_hex(5)}"
        partner = await registered(
            agent,
            numero_tiers=mark,
            denomination="Mairie de Château-sur-Œuvre",
            seat=pb.Seat(commune="Saint-Éloi"),
        )
        assert await _found(agent, f"{mark} {query}") == [partner.numero_tiers]

    @pytest.mark.parametrize("query", ["%", "_", "hateau", "mairie 'or'1", "\\", "chateau fort"])
    async def test_what_does_not_begin_a_word_finds_nothing(self, agent: Agent, query: str) -> None:
        mark = f"Z{secrets.token_hex(5)}"
        await registered(agent, numero_tiers=mark, denomination="Mairie de Château")
        found = await _found(agent, f"{mark} {query}")
        # Signs alone are no words: they leave the number, which is found.
        assert found == ([mark] if not any(map(str.isalnum, query)) else [])

    async def test_a_changed_name_is_found_and_the_old_one_is_not(self, agent: Agent) -> None:
        mark = secrets.token_hex(6)
        partner = await registered(agent, denomination=f"Mairie de a{mark}")
        await agent.partners.UpdatePartner(
            pb.UpdatePartnerRequest(
                partner_id=partner.partner_id, denomination=f"Mairie de b{mark}", etag=partner.etag
            )
        )
        assert await _found(agent, f"b{mark}") == [partner.numero_tiers]
        assert await _found(agent, f"a{mark}") == []

    async def test_a_search_is_of_one_caisse(self, agent: Agent) -> None:
        mark = secrets.token_hex(6)
        await registered(agent, "49", denomination=f"Mairie {mark}", profile=pb.PartnerProfile())
        assert await _found(agent, mark) == []

    async def test_a_query_has_a_length(self, agent: Agent) -> None:
        async with refused() as refusal:
            await _found(agent, "x" * 101)
        assert refusal.rules == [("query", "LENGTH")]


async def _found(agent: Agent, query: str) -> list[str]:
    page = await agent.partners.ListPartners(pb.ListPartnersRequest(caisse_code="21", query=query))
    return [partner.numero_tiers for partner in page.partners]
