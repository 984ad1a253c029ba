"""The outbox of reminders: each is written once, reaches a mailer at least once, and never once it says nothing."""

import asyncio
import signal
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from google.protobuf.duration_pb2 import Duration

from msa.partners.v1 import deadline_service_pb2 as deadline_pb
from msa.partners.v1 import outbox_service_pb2 as pb
from services.kit.database import Database
from services.kit.errors import DependencyUnavailable, InvalidField
from services.kit.identifiers import new_uuid7
from services.partners.caisses import Caisses, load_caisses
from services.partners.conventions.domain import Convention
from services.partners.conventions.facts import (
    AgreedEnd,
    Attestation,
    AttestationKind,
    Cure,
    Denunciation,
    Fact,
    FormalNotice,
    Party,
    ProviderDeclaration,
    ProviderUndertaking,
)
from services.partners.conventions.store import ConventionStore
from services.partners.deadlines.domain import Audience, DeadlineKind
from services.partners.deadlines.reading import DeadlineReader
from services.partners.deadlines.store import DeadlineStore
from services.partners.outbox import reminders as reminders_module
from services.partners.outbox.domain import Message
from services.partners.outbox.handler import OutboxHandler
from services.partners.outbox.reminders import Reminders
from services.partners.outbox.service import OutboxService
from services.partners.outbox.store import OutboxStore
from services.partners.partners.domain import Partner
from services.partners.suspensions.domain import SuspensionKind, SuspensionOrder
from tests.clock import FakeClock
from tests.integration.partners.register import AGENT, PROFILE, SIGNED, Register, new_numero_tiers
from tests.stack import Stack

KIND = DeadlineKind
CAISSE, PARTNER = Audience.CAISSE, Audience.PARTNER
TODAY = date(2026, 11, 23)
NOON = datetime(2026, 11, 23, 11, tzinfo=UTC)
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
# Signed on 10 March 2025: seventeen days are left to denounce.
LAST_DAY, TERM = date(2026, 12, 10), date(2027, 3, 10)
EMAIL = "accueil@vallombreuse.example"
# Of which no other test knows.
CODE, OTHER_CODE = "13", "14"
REPLICAS = 8


@dataclass(frozen=True)
class Row:
    """A message as it stands in the outbox."""

    message_id: UUID
    kind: str
    audience: str
    days_before: int
    acknowledged: bool
    void: bool


@dataclass(frozen=True)
class Outbox:
    """The outbox with what fills it, and the register that it reminds of."""

    register: Register
    database: Database
    store: OutboxStore
    service: OutboxService
    reminders: Reminders
    clock: FakeClock

    async def partner(self, caisse_code: str = CODE, email: str = EMAIL) -> Partner:
        """A new partner, with an e-mail or without."""
        await self.register.ensure_agent(caisse_code)
        profile = replace(PROFILE, email=email)
        return await self.register.partners.register(
            AGENT, caisse_code, new_numero_tiers(), "Mairie de Vallombreuse", profile
        )

    async def convention(self, caisse_code: str = CODE, email: str = EMAIL) -> Convention:
        """The convention of a new partner, in force."""
        partner = await self.partner(caisse_code, email)
        view = await self.register.conventions.register(
            AGENT, partner.partner_id, caisse_code, SIGNED, SIGNED
        )
        return view.convention

    async def record(self, convention: Convention, fact: Fact) -> UUID:
        """Records a fact; its id."""
        _, fact_id = await self.register.conventions.record_fact(AGENT, convention.convention_id, fact)
        return fact_id

    async def write(self, day: date = TODAY) -> None:
        """Writes what is due at noon of that day."""
        self.clock.set(NOON + (day - TODAY))
        await self.reminders.write_reminders(CODE)

    async def lease(self, of: Partner | Convention, seconds: float | None = None) -> list[Message]:
        """Takes all that waits; what of it is about one partner."""
        taken: list[Message] = []
        while leased := (await self.service.lease(500, seconds)).messages:
            taken += leased
        return [message for message in taken if message.deadline.partner_id == of.partner_id]

    async def delivered(self, of: Partner | Convention) -> list[tuple[DeadlineKind, Audience, int]]:
        """Delivers all that waits; what of it was about one partner, the oldest first."""
        taken = await self.lease(of)
        await self.service.acknowledge([message.message_id for message in taken])
        return [(message.deadline.kind, message.audience, message.days_before) for message in taken]

    async def rows(self, of: Partner | Convention) -> list[Row]:
        """All messages about one partner, as they stand."""
        return await self.database.fetch_all(
            "rows",
            Row,
            """
            SELECT message_id, kind, audience, days_before, acknowledge_time IS NOT NULL AS acknowledged,
                void_time IS NOT NULL AS void
            FROM outbox_messages WHERE partner_id = %s ORDER BY message_id
            """,
            (of.partner_id,),
        )


@pytest.fixture(autouse=True, scope="module")
def no_mailer(stack: Stack) -> Iterator[None]:
    """Nobody else delivers meanwhile: the stack's own mailer, if it runs, stands still."""
    try:
        mailer = stack.process("mailer")
    except KeyError:
        yield
        return
    mailer.send(signal.SIGSTOP)
    try:
        yield
    finally:
        mailer.send(signal.SIGCONT)


@pytest.fixture
async def outbox(database: Database, register: Register, clock: FakeClock) -> Outbox:
    """In which nothing waits."""
    store, reader = OutboxStore(database), DeadlineReader(ConventionStore(database), DeadlineStore(database))
    service = OutboxService(store, reader, clock)
    composed = Outbox(
        register, database, store, service, Reminders(store, reader, load_caisses(), clock), clock
    )
    # By then no lease of another test lasts.
    clock.advance(timedelta(days=3000))
    while leased := (await service.lease(500, None)).messages:
        await service.acknowledge([message.message_id for message in leased])
    clock.set(NOON)
    return composed


async def test_a_reminder_is_written_once_however_many_servers_look(outbox: Outbox) -> None:
    convention = await outbox.convention()
    await asyncio.gather(*(outbox.reminders.write_reminders(CODE) for _ in range(REPLICAS)))
    await outbox.write(TODAY + DAY)
    rows = await outbox.rows(convention)
    assert sorted((row.kind, row.audience, row.days_before) for row in rows) == [
        (KIND.LAST_DAY_TO_DENOUNCE, CAISSE, 30),
        (KIND.LAST_DAY_TO_DENOUNCE, PARTNER, 30),
    ]


async def test_each_reminder_is_delivered_on_its_day_art_9_1_9_2(outbox: Outbox) -> None:
    convention, told = await outbox.convention(email=""), []
    day = TODAY
    while day <= TERM:
        await outbox.write(day)
        told += [(kind, days, (day - TODAY).days) for kind, _, days in await outbox.delivered(convention)]
        day += DAY
    last_day, term = (LAST_DAY - TODAY).days, (TERM - TODAY).days
    assert told == [
        (KIND.LAST_DAY_TO_DENOUNCE, 30, 0),
        (KIND.LAST_DAY_TO_DENOUNCE, 15, last_day - 15),
        (KIND.LAST_DAY_TO_DENOUNCE, 7, last_day - 7),
        *((KIND.RENEWAL, days, term - days) for days in (90, 60, 30, 15, 7)),
    ]


async def test_a_message_tells_what_falls_due_and_to_whom(outbox: Outbox) -> None:
    convention = await outbox.convention()
    await outbox.write()
    messages = await outbox.lease(convention)
    assert {message.audience: message.recipient_email for message in messages} == {CAISSE: "", PARTNER: EMAIL}
    for message in messages:
        assert (message.caisse_code, message.days_before, message.create_time) == (CODE, 30, NOON)
        deadline = message.deadline
        assert (deadline.kind, deadline.due_date) == (KIND.LAST_DAY_TO_DENOUNCE, LAST_DAY)
        assert deadline.convention_id == convention.convention_id
        assert EMAIL not in repr(message)


async def test_a_partner_is_written_to_at_its_present_address(outbox: Outbox) -> None:
    partner = await outbox.partner()
    await outbox.register.conventions.register(AGENT, partner.partner_id, CODE, SIGNED, SIGNED)
    await outbox.write()
    moved = replace(partner.profile, email="mairie@vallombreuse.example")
    await outbox.register.partners.update(
        AGENT, partner.partner_id, "Ville de Vallombreuse", moved, "", str(partner.version)
    )
    to_partner = [message for message in await outbox.lease(partner) if message.audience is PARTNER]
    assert [message.recipient_email for message in to_partner] == ["mairie@vallombreuse.example"]
    assert [message.deadline.partner_denomination for message in to_partner] == ["Ville de Vallombreuse"]


async def test_a_partner_without_an_address_is_not_written_to(outbox: Outbox) -> None:
    convention = await outbox.convention(email="")
    await outbox.write()
    assert await outbox.delivered(convention) == [(KIND.LAST_DAY_TO_DENOUNCE, CAISSE, 30)]


async def test_a_message_to_an_address_that_is_gone_is_void_until_there_is_one_again(outbox: Outbox) -> None:
    partner = await outbox.partner()
    await outbox.register.conventions.register(AGENT, partner.partner_id, CODE, SIGNED, SIGNED)
    await outbox.write()
    update = outbox.register.partners.update
    without = replace(partner.profile, email="")
    gone = await update(AGENT, partner.partner_id, partner.denomination, without, "", str(partner.version))
    assert [audience for _, audience, _ in await outbox.delivered(partner)] == [CAISSE]
    await update(AGENT, partner.partner_id, partner.denomination, partner.profile, "", str(gone.version))
    await outbox.write()
    assert await outbox.delivered(partner) == [(KIND.LAST_DAY_TO_DENOUNCE, PARTNER, 30)]


async def test_a_message_is_leased_again_until_it_is_acknowledged(outbox: Outbox) -> None:
    convention = await outbox.convention(email="")
    await outbox.write()
    for _ in range(3):
        assert len(await outbox.lease(convention, 60)) == 1
        outbox.clock.advance(MINUTE - timedelta(microseconds=1))
        assert await outbox.lease(convention) == []
        outbox.clock.advance(timedelta(microseconds=1))
    (message,) = await outbox.lease(convention, 60)
    for _ in range(2):
        await outbox.service.acknowledge([message.message_id, uuid4()])
    outbox.clock.advance(MINUTE)
    assert await outbox.lease(convention) == []


async def test_no_two_mailers_hold_the_same_message(outbox: Outbox) -> None:
    for _ in range(6):
        await outbox.convention()
    await outbox.write()
    leased = await asyncio.gather(*(outbox.service.lease(3, None) for _ in range(REPLICAS)))
    held = [message.message_id for each in leased for message in each.messages]
    assert len(set(held)) == len(held) >= 12


async def test_the_oldest_is_handed_out_first(outbox: Outbox) -> None:
    conventions = []
    for hours in range(3):
        conventions.append(await outbox.convention(email=""))
        outbox.clock.set(NOON + timedelta(hours=hours))
        await outbox.reminders.write_reminders(CODE)
    taken = [await outbox.service.lease(1, None) for _ in range(20)]
    partners = [message.deadline.partner_id for each in taken for message in each.messages]
    assert all(len(each.messages) <= 1 for each in taken)
    mine = [convention.partner_id for convention in conventions]
    assert [partner_id for partner_id in partners if partner_id in mine] == mine


async def test_a_cured_notice_is_not_told_of_any_more_art_9_2(outbox: Outbox) -> None:
    convention = await outbox.convention()
    notice_id = await outbox.record(convention, FormalNotice(Party.CAISSE, TODAY))
    await outbox.write()
    cure_id = await outbox.record(convention, Cure(notice_id, TODAY))
    assert await outbox.lease(convention) == []
    rows = await outbox.rows(convention)
    assert {row.kind for row in rows} == {KIND.CURE_END, KIND.CONVENTION_END}
    assert all(row.void and not row.acknowledged for row in rows)

    # Cured by mistake: what was void is told of after all, and written no second time.
    await outbox.register.conventions.annul(AGENT, convention.convention_id, cure_id, "erreur")
    await outbox.write()
    told = await outbox.delivered(convention)
    assert {kind for kind, _, _ in told} == {KIND.CURE_END, KIND.CONVENTION_END}
    assert len(await outbox.rows(convention)) == len(rows) == len(told)


async def test_what_was_delivered_is_not_told_of_again_where_it_holds_again(outbox: Outbox) -> None:
    convention = await outbox.convention(email="")
    notice_id = await outbox.record(convention, FormalNotice(Party.CAISSE, TODAY))
    await outbox.write()
    assert len(await outbox.delivered(convention)) == 2
    cure_id = await outbox.record(convention, Cure(notice_id, TODAY))
    await outbox.write()
    assert await outbox.delivered(convention) == [(KIND.LAST_DAY_TO_DENOUNCE, CAISSE, 30)]
    await outbox.register.conventions.annul(AGENT, convention.convention_id, cure_id, "erreur")
    await outbox.write()
    assert await outbox.delivered(convention) == []


async def test_a_denounced_convention_has_no_last_day_any_more_art_9_2(outbox: Outbox) -> None:
    convention = await outbox.convention()
    await outbox.write()
    await outbox.record(convention, Denunciation(Party.PARTNER, TODAY))
    assert await outbox.lease(convention) == []
    assert all(row.void for row in await outbox.rows(convention))


async def test_an_end_that_is_brought_forward_is_told_of_with_its_new_day(outbox: Outbox) -> None:
    convention = await outbox.convention(email="")
    await outbox.record(convention, AgreedEnd(TODAY + 80 * DAY))
    await outbox.write()
    await outbox.record(convention, AgreedEnd(TODAY + 20 * DAY))
    await outbox.write()
    assert await outbox.delivered(convention) == [(KIND.CONVENTION_END, CAISSE, 30)]


async def test_a_lifted_suspension_is_not_told_of_art_7_2(outbox: Outbox) -> None:
    register, convention = outbox.register, await outbox.convention()
    user = await register.habilitation(convention)
    order = SuspensionOrder(SuspensionKind.TEMPORARY, "soupçon", TODAY + 10 * DAY)
    await register.partners.suspend(AGENT, convention.partner_id, order)
    await register.habilitations.suspend(AGENT, user.habilitation_id, order)
    await outbox.write()
    told = await outbox.lease(convention, 60)
    assert [each.deadline.kind for each in told].count(KIND.SUSPENSION_END) == 2
    await register.partners.lift_suspension(AGENT, convention.partner_id)
    outbox.clock.advance(MINUTE)
    told = await outbox.lease(convention, 60)
    (of_user,) = [each.deadline for each in told if each.deadline.kind is KIND.SUSPENSION_END]
    assert of_user.user_count == 1
    await register.habilitations.lift_suspension(AGENT, user.habilitation_id)
    outbox.clock.advance(MINUTE)
    told = await outbox.lease(convention)
    assert {each.deadline.kind for each in told} == {KIND.LAST_DAY_TO_DENOUNCE}


async def test_a_partner_without_a_convention_is_reminded_of_too_art_7_2(outbox: Outbox) -> None:
    partner = await outbox.partner()
    order = SuspensionOrder(SuspensionKind.TEMPORARY, "soupçon", TODAY + 10 * DAY)
    await outbox.register.partners.suspend(AGENT, partner.partner_id, order)
    await outbox.write()
    assert await outbox.delivered(partner) == [(KIND.SUSPENSION_END, CAISSE, 15)]


async def test_users_who_are_confirmed_are_not_told_of_any_more_art_4_4(outbox: Outbox) -> None:
    convention = await outbox.convention(email="")
    users = [await outbox.register.habilitation(convention) for _ in range(2)]
    day = TERM + 31 * DAY
    await outbox.write(day)
    (message,) = await outbox.lease(convention, 60)
    assert (message.deadline.kind, message.deadline.user_count) == (KIND.RECERTIFICATION, 2)
    confirm = outbox.register.habilitations.confirm
    await confirm(AGENT, convention.convention_id, [users[0].habilitation_id])
    outbox.clock.advance(MINUTE)
    (message,) = await outbox.lease(convention, 60)
    assert message.deadline.user_count == 1
    await confirm(AGENT, convention.convention_id, [users[1].habilitation_id])
    outbox.clock.advance(MINUTE)
    assert await outbox.lease(convention) == []


async def test_an_undertaking_that_came_is_not_told_of_art_6_1(outbox: Outbox) -> None:
    convention = await outbox.convention(email="")
    provider_id = await outbox.record(convention, ProviderDeclaration("Numéris", TODAY))
    await outbox.write()
    await outbox.record(convention, ProviderUndertaking(provider_id, TODAY))
    assert {kind for kind, _, _ in await outbox.delivered(convention)} == {KIND.LAST_DAY_TO_DENOUNCE}


async def test_a_reminder_gives_way_to_a_more_urgent_one(outbox: Outbox) -> None:
    convention = await outbox.convention()
    for days_left in (30, 15, 7):
        await outbox.write(LAST_DAY - days_left * DAY)
    assert sorted(await outbox.delivered(convention)) == [
        (KIND.LAST_DAY_TO_DENOUNCE, CAISSE, 7),
        (KIND.LAST_DAY_TO_DENOUNCE, PARTNER, 7),
    ]
    assert {(row.days_before, row.void) for row in await outbox.rows(convention)} == {
        (30, True),
        (15, True),
        (7, False),
    }


async def test_nothing_is_told_of_a_day_that_has_passed(outbox: Outbox) -> None:
    convention = await outbox.convention(email="")
    await outbox.write()
    outbox.clock.set(NOON + (LAST_DAY - TODAY))
    assert len(await outbox.lease(convention, 60)) == 1
    outbox.clock.advance(DAY)
    assert await outbox.lease(convention) == []


async def test_what_says_something_is_found_behind_what_does_not(outbox: Outbox) -> None:
    denounced = [await outbox.convention() for _ in range(6)]
    await outbox.write()
    conventions = [await outbox.convention(email="") for _ in range(3)]
    outbox.clock.advance(MINUTE)
    await outbox.reminders.write_reminders(CODE)
    for convention in denounced:
        await outbox.record(convention, Denunciation(Party.PARTNER, TODAY))
    partners: list[UUID] = []
    # None is no answer while something waits; and what was looked at in passing waits for the next one who asks.
    while leased := (await outbox.service.lease(1, None)).messages:
        assert len(leased) == 1
        partners += [message.deadline.partner_id for message in leased]
    assert {convention.partner_id for convention in conventions} <= set(partners)
    assert not {convention.partner_id for convention in denounced} & set(partners)


async def test_a_kind_of_a_newer_release_is_left_to_it(outbox: Outbox) -> None:
    partner, message_id = await outbox.partner(), new_uuid7(NOON)
    await outbox.database.execute(
        "newer_message",
        """
        INSERT INTO outbox_messages (message_id, caisse_code, audience, kind, subject_id, partner_id, due_date,
                                     days_before, create_time)
        VALUES (%s, %s, 'CAISSE', 'COMET', %s, %s, %s, 7, %s)
        """,
        (message_id, CODE, partner.partner_id, partner.partner_id, TODAY, NOON),
    )
    assert await outbox.lease(partner) == []
    (row,) = await outbox.rows(partner)
    assert not row.void
    await outbox.store.remove([message_id])


async def test_messages_are_removed_when_their_day_has_been_over_for_a_year(outbox: Outbox) -> None:
    convention = await outbox.convention(email="")
    await outbox.write()
    await outbox.delivered(convention)
    outbox.clock.set(NOON + (LAST_DAY - TODAY) + timedelta(days=365))
    await outbox.reminders.purge()
    assert len(await outbox.rows(convention)) == 1
    outbox.clock.advance(DAY)
    await outbox.reminders.purge()
    assert await outbox.rows(convention) == []


async def test_what_is_owed_is_told_of_once_however_long_it_is_owed_art_6_1(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reminders_module, "_PURGE_BATCH", 2)
    convention = await outbox.convention(email="")
    since = TODAY - 500 * DAY
    provider_id = await outbox.record(convention, ProviderDeclaration("Numéris", since))
    await outbox.record(convention, AgreedEnd(TODAY + DAY))
    told = []
    for days in (0, 1, 2, 30, 400, 800):
        await outbox.write(TODAY + days * DAY)
        told += [(days, kind) for kind, _, _ in await outbox.delivered(convention)]
        await outbox.reminders.purge()
    assert sorted(told) == [(0, KIND.CONVENTION_END), (0, KIND.UNDERTAKING), (1, KIND.ATTESTATION)]
    rows = await outbox.rows(convention)
    assert sorted(row.kind for row in rows) == [KIND.ATTESTATION, KIND.UNDERTAKING]
    today = TODAY + 800 * DAY
    await outbox.record(convention, Attestation(AttestationKind.DESTRUCTION, today))
    await outbox.record(convention, ProviderUndertaking(provider_id, today))
    await outbox.reminders.purge()
    assert await outbox.rows(convention) == []


async def test_every_caisse_is_looked_at_and_one_that_fails_keeps_no_other_waiting(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    convention = await outbox.convention(OTHER_CODE, email="")
    two = Caisses(caisse for caisse in load_caisses().all() if caisse.code in {CODE, OTHER_CODE})
    reader = DeadlineReader(ConventionStore(outbox.database), DeadlineStore(outbox.database))
    reminders = Reminders(outbox.store, reader, two, outbox.clock)
    looked_at = []
    write = reminders.write_reminders

    async def failing_at_one(caisse_code: str) -> None:
        looked_at.append(caisse_code)
        if caisse_code == CODE:
            raise DependencyUnavailable
        await write(caisse_code)

    monkeypatch.setattr(reminders, "write_reminders", failing_at_one)
    await reminders.run()
    assert looked_at == [CODE, OTHER_CODE]
    assert await outbox.delivered(convention) == [(KIND.LAST_DAY_TO_DENOUNCE, CAISSE, 30)]


@pytest.mark.parametrize(("maximum", "seconds"), [(-1, None), (501, None), (1, 0.5), (1, 3601)])
async def test_what_cannot_be_leased_is_refused(outbox: Outbox, maximum: int, seconds: float | None) -> None:
    with pytest.raises(InvalidField):
        await outbox.service.lease(maximum, seconds)


async def test_the_handler_tells_it_in_protobuf(outbox: Outbox) -> None:
    convention = await outbox.convention()
    await outbox.write()
    handler = OutboxHandler(outbox.service)
    request = pb.LeaseMessagesRequest(maximum=500, lease=Duration(seconds=1, nanos=500_000_000))
    leased = (await handler.LeaseMessages(request, None)).messages
    mine = [each for each in leased if each.deadline.partner_id == str(convention.partner_id)]
    by_audience = {each.audience: each for each in mine}
    assert by_audience[pb.AUDIENCE_CAISSE].recipient_email == ""
    message = by_audience[pb.AUDIENCE_PARTNER]
    assert message.recipient_email == EMAIL
    assert (message.caisse_code, message.days_before) == (CODE, 30)
    assert message.create_time.ToDatetime(UTC) == NOON
    assert message.deadline.kind == deadline_pb.DEADLINE_KIND_LAST_DAY_TO_DENOUNCE
    assert message.deadline.days_left == 17
    outbox.clock.advance(timedelta(seconds=1.5))
    again = (await handler.LeaseMessages(pb.LeaseMessagesRequest(maximum=500), None)).messages
    assert {each.message_id for each in mine} <= {each.message_id for each in again}
    acknowledged = pb.AcknowledgeMessagesRequest(message_ids=[each.message_id for each in again])
    await handler.AcknowledgeMessages(acknowledged, None)
    assert all(row.acknowledged for row in await outbox.rows(convention))
    with pytest.raises(InvalidField):
        await handler.AcknowledgeMessages(pb.AcknowledgeMessagesRequest(message_ids=["x"]), None)
