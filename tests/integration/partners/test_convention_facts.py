"""A convention's facts before the running server, and what they do at chosen instants (art. 2, 6-1, 9-2, 10)."""

import asyncio
from datetime import UTC, date, datetime, timedelta

import grpc
import pytest
from google.type.date_pb2 import Date

from msa.partners.v1 import convention_service_pb2 as pb
from services.partners.conventions.domain import Convention, ConventionStands, ConventionState
from services.partners.conventions.facts import (
    Attestation,
    AttestationKind,
    CnilDeclaration,
    Cure,
    Denunciation,
    FormalNotice,
    Party,
    RecordedFact,
    Signature,
)
from services.partners.habilitations.domain import Decision
from tests.clock import FakeClock
from tests.integration.partners.agent import SIGNED, Agent, refused
from tests.integration.partners.register import AGENT, Register

RECEIVED = Date(year=2026, month=11, day=2)
CAISSE, PARTNER = pb.PARTY_CAISSE, pb.PARTY_PARTNER


async def record(
    agent: Agent, convention: pb.Convention, fact: pb.ConventionFact, etag: str = "", reason: str = ""
) -> pb.RecordFactResponse:
    request = pb.RecordFactRequest(
        convention_id=convention.convention_id, fact=fact, etag=etag, reason=reason
    )
    return await agent.conventions.RecordFact(request)


def denunciation(receipt_date: Date = RECEIVED, party: pb.Party.ValueType = PARTNER) -> pb.ConventionFact:
    return pb.ConventionFact(denunciation=pb.Denunciation(party=party, receipt_date=receipt_date))


async def test_a_convention_is_drafted_signed_by_both_and_takes_effect(agent: Agent) -> None:
    """Art. 9-1."""
    partner = await agent.partner()
    request = pb.DraftConventionRequest(partner_id=partner.partner_id, caisse_code="21", reason="demande")
    draft = (await agent.conventions.DraftConvention(request)).convention
    assert draft.state == pb.CONVENTION_STATE_DRAFT
    assert not draft.HasField("term_date")
    states = []
    for fact in (
        pb.ConventionFact(signature=pb.Signature(party=PARTNER, signature_date=SIGNED)),
        pb.ConventionFact(signature=pb.Signature(party=CAISSE, signature_date=RECEIVED)),
        pb.ConventionFact(cnil_declaration=pb.CnilDeclaration(transmission_date=SIGNED)),
    ):
        convention = (await record(agent, draft, fact)).convention
        states.append(pb.ConventionState.Name(convention.state).removeprefix("CONVENTION_STATE_"))
    assert states == ["DRAFT", "PENDING", "IN_FORCE"]
    assert convention.signature_date == RECEIVED
    assert convention.last_denunciation_date == Date(year=2027, month=8, day=2)
    assert [fact.WhichOneof("fact") for fact in convention.facts] == [
        "signature",
        "signature",
        "cnil_declaration",
    ]
    async with refused() as refusal:
        await record(
            agent, draft, pb.ConventionFact(signature=pb.Signature(party=CAISSE, signature_date=SIGNED))
        )
    assert (refusal.reason, "art. 9-1" in refusal.text) == ("RECORD_STATE", True)


async def test_every_kind_of_fact_is_shown_as_it_was_recorded(agent: Agent) -> None:
    convention = await agent.convention()
    past = [
        pb.ConventionFact(
            formal_notice=pb.FormalNotice(party=CAISSE, receipt_date=RECEIVED, letter_reference="RAR 7")
        ),
        pb.ConventionFact(
            force_majeure_notification=pb.ForceMajeureNotification(party=PARTNER, notification_date=RECEIVED)
        ),
        pb.ConventionFact(force_majeure_end=pb.ForceMajeureEnd(over_date=RECEIVED)),
        pb.ConventionFact(
            amendment=pb.Amendment(
                number=1,
                subject="durée",
                caisse_signature_date=SIGNED,
                partner_signature_date=RECEIVED,
                scan_sha256="ab" * 32,
            )
        ),
        pb.ConventionFact(annex_version=pb.AnnexVersion(annex=2, version=2, effective_date=RECEIVED)),
        pb.ConventionFact(
            provider_declaration=pb.ProviderDeclaration(provider_name="Infogérance du Val", since_date=SIGNED)
        ),
    ]
    ids = [(await record(agent, convention, fact)).fact_id for fact in past]
    late = [
        pb.ConventionFact(cure=pb.Cure(formal_notice_id=ids[0], cure_date=RECEIVED)),
        pb.ConventionFact(
            provider_undertaking=pb.ProviderUndertaking(
                provider_id=ids[5], receipt_date=RECEIVED, reference="GED"
            )
        ),
        pb.ConventionFact(
            provider_departure=pb.ProviderDeparture(provider_id=ids[5], departure_date=RECEIVED)
        ),
        denunciation(SIGNED),
        pb.ConventionFact(
            attestation=pb.Attestation(
                kind=pb.ATTESTATION_KIND_DESTRUCTION, receipt_date=RECEIVED, reference="GED 2"
            )
        ),
    ]
    for fact in late:
        shown = (await record(agent, convention, fact)).convention
    for sent, kept in zip([*past, *late], shown.facts[3:], strict=True):
        kept.ClearField("fact_id")
        kept.ClearField("record_time")
        assert kept == sent


async def test_a_denunciation_in_time_ends_the_running_term(agent: Agent) -> None:
    """Art. 9-2: received at least three months before; the term of a convention signed on 10 March."""
    convention = await agent.convention()
    denounced = (await record(agent, convention, denunciation())).convention
    assert denounced.end_date == Date(year=2027, month=3, day=10)
    assert denounced.state == pb.CONVENTION_STATE_IN_FORCE
    assert denounced.secrecy_end_date == Date(year=2032, month=3, day=10)
    assert not denounced.HasField("last_denunciation_date")


@pytest.mark.parametrize(
    ("fact", "violation", "article"),
    [
        (denunciation(party=pb.PARTY_UNSPECIFIED), ("party", "PARTY"), "art. 9-2"),
        (denunciation(party=99), ("party", "PARTY"), "art. 9-2"),  # type: ignore[arg-type]  # what a third party may send
        (denunciation(Date(year=2024, month=1, day=1)), ("receipt_date", "DATE_BEFORE_CAUSE"), "art. 9-2"),
        (denunciation(Date(year=2190, month=1, day=1)), ("receipt_date", "DATE_IN_FUTURE"), ""),
        (denunciation(Date(year=2026, month=2, day=29)), ("receipt_date", "DATE_UNKNOWN"), ""),
        (
            pb.ConventionFact(cure=pb.Cure(formal_notice_id="F1", cure_date=SIGNED)),
            ("formal_notice_id", "UUID"),
            "",
        ),
        (
            pb.ConventionFact(
                cure=pb.Cure(formal_notice_id="01900000-0000-7000-8000-000000000000", cure_date=SIGNED)
            ),
            ("formal_notice_id", "FACT_UNKNOWN"),
            "art. 9-2",
        ),
        (
            pb.ConventionFact(annex_version=pb.AnnexVersion(annex=3, version=2, effective_date=SIGNED)),
            ("annex", "ANNEX"),
            "art. 2",
        ),
        (pb.ConventionFact(), ("fact", "FACT_REQUIRED"), ""),
        (pb.ConventionFact(agreed_end=pb.AgreedEnd(end_date=SIGNED)), ("fact", "FACT_REQUIRED"), ""),
        (pb.ConventionFact(annulment=pb.Annulment(annulled_fact_id="F1")), ("fact", "FACT_REQUIRED"), ""),
    ],
)
async def test_what_is_wrong_with_a_fact_names_its_article_and_nothing_is_written(
    agent: Agent, fact: pb.ConventionFact, violation: tuple[str, str], article: str
) -> None:
    convention = await agent.convention()
    async with refused() as refusal:
        await record(agent, convention, fact)
    assert refusal.rules == [violation]
    assert article in refusal.text
    shown = await agent.conventions.GetConvention(
        pb.GetConventionRequest(convention_id=convention.convention_id)
    )
    assert shown.convention == convention


async def test_a_fact_recorded_by_mistake_is_void_and_stays_in_the_history(agent: Agent) -> None:
    convention = await agent.convention()
    denounced = await record(agent, convention, denunciation())
    request = pb.AnnulFactRequest(
        convention_id=convention.convention_id, fact_id=denounced.fact_id, reason="autre dossier"
    )
    annulled = (await agent.conventions.AnnulFact(request)).convention
    assert not annulled.HasField("end_date")
    assert [fact.WhichOneof("fact") for fact in annulled.facts[-2:]] == ["denunciation", "annulment"]
    async with refused() as refusal:
        await agent.conventions.AnnulFact(request)
    assert refusal.rules == [("fact_id", "FACT_UNKNOWN")]


async def test_of_two_agents_who_change_a_convention_the_second_is_told(agent: Agent) -> None:
    convention = await agent.convention()
    first = await record(agent, convention, denunciation(), etag=convention.etag)
    async with refused() as refusal:
        await record(agent, convention, denunciation(party=CAISSE), etag=convention.etag)
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.ABORTED, "RECORD_CHANGED")
    again = await record(agent, convention, denunciation(party=CAISSE), etag=first.convention.etag)
    assert len(again.convention.facts) == len(convention.facts) + 2


async def test_facts_recorded_at_once_are_all_kept(agent: Agent) -> None:
    convention = await agent.convention()
    await asyncio.gather(*(record(agent, convention, denunciation()) for _ in range(8)))
    shown = await agent.conventions.GetConvention(
        pb.GetConventionRequest(convention_id=convention.convention_id)
    )
    assert len(shown.convention.facts) == len(convention.facts) + 8


async def test_conventions_are_listed_newest_first(agent: Agent) -> None:
    partner = await agent.partner()
    first = await agent.convention(partner)
    await agent.conventions.EndConvention(
        pb.EndConventionRequest(convention_id=first.convention_id, end_date=SIGNED, end_reason="accord")
    )
    second = await agent.convention(partner)
    request = pb.ListConventionsRequest(caisse_code="21", partner_id=partner.partner_id, page_size=1)
    page = await agent.conventions.ListConventions(request)
    assert [one.convention_id for one in page.conventions] == [second.convention_id]
    request.page_token = page.next_page_token
    rest = await agent.conventions.ListConventions(request)
    assert [one.convention_id for one in rest.conventions] == [first.convention_id]
    assert not rest.conventions[0].facts


class TestAtAnInstant:
    async def test_uncured_a_breach_closes_access_after_thirty_days(
        self, register: Register, clock: FakeClock
    ) -> None:
        """Art. 9-2; N3: from midnight in Paris of day D + 30 on."""
        convention = await register.convention()
        habilitation = await register.habilitation(convention)
        await register.record(convention, FormalNotice(Party.CAISSE, date(2026, 11, 23)))
        clock.advance(datetime(2026, 12, 22, 22, 59, 59, tzinfo=UTC) - clock.now())
        assert await register.decision(habilitation) is Decision.GRANTED
        clock.advance(timedelta(seconds=1))
        assert await register.decision(habilitation) is Decision.CONVENTION_NOT_IN_FORCE

    async def test_a_cure_in_time_keeps_it_open(self, register: Register, clock: FakeClock) -> None:
        """Art. 9-2: also where the cure is recorded after the thirty days."""
        convention = await register.convention()
        habilitation = await register.habilitation(convention)
        view, notice_id = await register.conventions.record_fact(
            AGENT, convention.convention_id, FormalNotice(Party.CAISSE, date(2026, 11, 23))
        )
        assert view.convention.end_date == date(2026, 12, 23)
        clock.advance(timedelta(days=35))
        assert await register.decision(habilitation) is Decision.CONVENTION_NOT_IN_FORCE
        await register.record(convention, Cure(notice_id, date(2026, 12, 22)))
        assert await register.decision(habilitation) is Decision.GRANTED

    async def test_a_convention_that_another_one_followed_does_not_come_back(
        self, register: Register, clock: FakeClock
    ) -> None:
        convention = await register.convention()
        _, notice_id = await register.conventions.record_fact(
            AGENT, convention.convention_id, FormalNotice(Party.CAISSE, date(2026, 11, 23))
        )
        clock.advance(timedelta(days=31))
        await register.conventions.register(
            AGENT, convention.partner_id, "21", date(2026, 12, 24), date(2026, 12, 24)
        )
        with pytest.raises(ConventionStands):
            await register.record(convention, Cure(notice_id, date(2026, 12, 22)))

    async def test_a_draft_too_keeps_one_from_going_on_until_it_is_given_up(self, register: Register) -> None:
        """Art. 1, 9-2: whoever is refused is told why, and what came in time still counts afterwards."""
        convention = await register.convention()
        _, notice_id = await register.conventions.record_fact(
            AGENT, convention.convention_id, FormalNotice(Party.CAISSE, date(2026, 11, 2))
        )
        draft = await register.conventions.draft(AGENT, convention.partner_id, "21")
        cure = Cure(notice_id, date(2026, 11, 23))
        with pytest.raises(ConventionStands, match=r"art\. 1"):
            await register.record(convention, cure)
        await register.conventions.end(
            AGENT, draft.convention.convention_id, date(2026, 11, 23), "sans suite"
        )
        assert (await register.record(convention, cure)).convention.end_date is None

    async def test_one_that_goes_on_and_one_that_follows_it_do_not_both_stand(
        self, register: Register
    ) -> None:
        """Art. 1, 9-2: of two agents at once, one is told, though neither convention is without an end."""
        convention = await register.convention()
        _, notice_id = await register.conventions.record_fact(
            AGENT, convention.convention_id, FormalNotice(Party.CAISSE, date(2026, 11, 2))
        )
        await register.record(convention, Denunciation(Party.PARTNER, date(2026, 11, 3)))
        follows = date(2026, 12, 2)
        async with register.registry.database.transaction("hold") as connection:
            await connection.execute(
                "SELECT FROM partners WHERE partner_id = %s FOR NO KEY UPDATE", (convention.partner_id,)
            )
            acting = asyncio.gather(
                register.record(convention, Cure(notice_id, date(2026, 11, 23))),
                register.conventions.register(AGENT, convention.partner_id, "21", follows, follows),
                return_exceptions=True,
            )
            await asyncio.sleep(0.3)
        outcomes = await acting
        assert sorted(isinstance(outcome, ConventionStands) for outcome in outcomes) == [False, True]

    async def test_the_next_convention_is_drawn_up_while_this_one_runs_out(
        self, register: Register, clock: FakeClock
    ) -> None:
        convention = await register.convention()
        with pytest.raises(ConventionStands):
            await register.conventions.draft(AGENT, convention.partner_id, "21")
        await register.record(convention, Denunciation(Party.PARTNER, date(2026, 11, 23)))
        draft = (await register.conventions.draft(AGENT, convention.partner_id, "21")).convention
        await register.record(draft, CnilDeclaration(date(2026, 11, 23)))
        await register.record(draft, Signature(Party.PARTNER, date(2026, 11, 23)))
        with pytest.raises(ConventionStands):
            await register.record(draft, Signature(Party.CAISSE, date(2026, 11, 23)))
        clock.advance(datetime(2027, 3, 10, 12, tzinfo=UTC) - clock.now())
        signed = await register.record(draft, Signature(Party.CAISSE, date(2027, 3, 10)))
        assert signed.state is ConventionState.IN_FORCE

    async def test_the_attestation_is_due_from_the_end_until_it_is_received(
        self, register: Register, clock: FakeClock
    ) -> None:
        """Art. 6-1."""
        convention = await register.convention()
        ended = await register.conventions.end(
            AGENT, convention.convention_id, date(2026, 11, 23), "accord des parties"
        )
        assert ended.attestation_due
        received = Attestation(AttestationKind.DESTRUCTION, date(2026, 11, 23))
        assert not (await register.record(convention, received)).attestation_due


async def test_what_is_kept_is_what_was_recorded(register: Register, clock: FakeClock) -> None:
    convention = await register.convention()
    fact = Denunciation(Party.CAISSE, date(2026, 11, 23), "RAR 1A 234")
    view, fact_id = await register.conventions.record_fact(AGENT, convention.convention_id, fact)
    kept = await register.conventions.get(AGENT, convention.convention_id)
    assert kept == view
    assert kept.facts[-1] == RecordedFact(fact_id, clock.now(), fact)
    assert isinstance(kept.convention, Convention)
