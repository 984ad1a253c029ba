"""What falls due at a caisse, read from the real register."""

import asyncio
import gc
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from time import perf_counter

import pytest
from icalendar import Calendar

from msa.partners.v1 import deadline_service_pb2 as pb
from services.kit.database import Database
from services.kit.errors import InvalidField
from services.partners.acts import Acts
from services.partners.agents.domain import AgentNotHabilitated, Caller
from services.partners.agents.store import AgentStore
from services.partners.caisses import load_caisses
from services.partners.conventions.domain import Convention
from services.partners.conventions.facts import AgreedEnd, Cure, FormalNotice, Party, ProviderDeclaration
from services.partners.conventions.store import ConventionStore
from services.partners.deadlines import reading
from services.partners.deadlines.domain import Deadline, DeadlineKind, Detail
from services.partners.deadlines.handler import DeadlineHandler
from services.partners.deadlines.reading import DeadlineReader
from services.partners.deadlines.service import DeadlineService
from services.partners.deadlines.store import DeadlineStore
from services.partners.habilitations.domain import Habilitation
from services.partners.history.store import EventStore
from services.partners.partners.domain import Partner
from services.partners.suspensions.domain import SuspensionKind, SuspensionOrder
from tests.clock import FakeClock
from tests.integration.partners.register import AGENT, SIGNED, Register

KIND = DeadlineKind
TODAY = date(2026, 11, 23)
DAY = timedelta(days=1)
# Signed on 10 March 2025.
LAST_DAY, TERM, LAPSE = date(2026, 12, 10), date(2027, 3, 10), date(2027, 5, 9)
# Of which no other test knows.
OTHER_CAISSE, LARGE_CAISSE = "48", "87"
OTHER_AGENT = Caller(frozenset({"hugues.agents.qf.internal"}))
PROBE_SECONDS = 0.001
CONVENTIONS, USERS_OF_EACH = 5000, 5


@dataclass(frozen=True)
class Deadlines:
    """The use cases on deadlines, beside the register that they read."""

    register: Register
    service: DeadlineService

    async def of(self, partner: Partner | Convention, horizon_days: int = 400) -> list[Deadline]:
        """What falls due with one partner."""
        listed = await self.service.list(AGENT, partner.caisse_code, horizon_days)
        return [deadline for deadline in listed.deadlines if deadline.partner_id == partner.partner_id]

    async def kinds(self, partner: Partner | Convention) -> list[DeadlineKind]:
        """What falls due with one partner, the earliest first."""
        return [deadline.kind for deadline in await self.of(partner)]


@pytest.fixture
def deadlines(database: Database, register: Register, clock: FakeClock) -> Deadlines:
    """Composed as the server does."""
    agents = ("*.agents.qf.internal",)
    acts = Acts(database, AgentStore(database), EventStore(database), clock, agents)
    reader = DeadlineReader(ConventionStore(database), DeadlineStore(database))
    return Deadlines(register, DeadlineService(reader, acts, load_caisses(), clock))


def suspended(until_date: date) -> SuspensionOrder:
    return SuspensionOrder(SuspensionKind.TEMPORARY, "soupçon", until_date)


async def convention_of(
    register: Register, caisse_code: str, cnil: date | None = SIGNED
) -> tuple[Partner, Convention]:
    """A new partner of that caisse, with its convention."""
    partner = await register.partner(caisse_code)
    view = await register.conventions.register(AGENT, partner.partner_id, caisse_code, SIGNED, cnil)
    return partner, view.convention


async def users(register: Register, convention: Convention, count: int) -> Sequence[Habilitation]:
    return [await register.habilitation(convention) for _ in range(count)]


async def test_a_convention_shows_its_terms_and_its_users_art_9(deadlines: Deadlines) -> None:
    convention = await deadlines.register.convention()
    await users(deadlines.register, convention, 3)
    last_day, renewal, confirmation = await deadlines.of(convention)
    assert (last_day.kind, last_day.due_date) == (KIND.LAST_DAY_TO_DENOUNCE, LAST_DAY)
    assert (renewal.kind, renewal.due_date, renewal.detail) == (KIND.RENEWAL, TERM, Detail.RENEWS)
    assert (confirmation.kind, confirmation.due_date) == (KIND.RECERTIFICATION, LAPSE)
    assert confirmation.user_count == 3
    for found in (last_day, renewal, confirmation):
        assert (found.convention_id, found.subject_id) == (convention.convention_id,) * 2
        assert found.partner_denomination == "Mairie de Vallombreuse"


async def test_only_those_who_are_to_be_confirmed_are_counted_art_4_4(
    deadlines: Deadlines, clock: FakeClock
) -> None:
    register = deadlines.register
    convention = await register.convention()
    stays, leaves, confirmed = await users(register, convention, 3)
    await register.habilitations.withdraw(AGENT, leaves.habilitation_id, "départ")
    clock.advance(timedelta(days=60))
    await register.habilitations.confirm(AGENT, convention.convention_id, [confirmed.habilitation_id])
    found = [each for each in await deadlines.of(convention) if each.kind is KIND.RECERTIFICATION]
    assert [(each.due_date, each.user_count) for each in found] == [(LAPSE, 1)]
    await register.habilitations.confirm(AGENT, convention.convention_id, [stays.habilitation_id])
    clock.advance(timedelta(days=90))
    found = [each for each in await deadlines.of(convention) if each.kind is KIND.RECERTIFICATION]
    assert [(each.due_date, each.user_count) for each in found] == [(date(2028, 5, 9), 2)]


async def test_a_suspension_is_shown_until_it_is_lifted_art_7_2(deadlines: Deadlines) -> None:
    register = deadlines.register
    partner, convention = await convention_of(register, "48")
    (user,) = await users(register, convention, 1)
    before = await deadlines.kinds(partner)
    await register.suspend(partner.partner_id, until=TODAY + 9 * DAY)
    await register.habilitations.suspend(AGENT, user.habilitation_id, suspended(TODAY + 8 * DAY))
    of_user, of_partner, *_ = await deadlines.of(partner)
    assert (of_user.kind, of_user.due_date) == (KIND.SUSPENSION_END, TODAY + 8 * DAY)
    assert (of_user.convention_id, of_user.user_count) == (convention.convention_id, 1)
    assert (of_partner.kind, of_partner.due_date) == (KIND.SUSPENSION_END, TODAY + 9 * DAY)
    assert (of_partner.convention_id, of_partner.detail) == (None, Detail.PARTNER)
    await register.partners.lift_suspension(AGENT, partner.partner_id)
    await register.habilitations.lift_suspension(AGENT, user.habilitation_id)
    assert await deadlines.kinds(partner) == before


async def test_the_suspension_of_who_has_no_habilitation_any_more_says_nothing_art_4_4(
    deadlines: Deadlines,
) -> None:
    register = deadlines.register
    convention = await register.convention()
    (user,) = await users(register, convention, 1)
    await register.habilitations.suspend(AGENT, user.habilitation_id, suspended(TODAY + 8 * DAY))
    await register.habilitations.withdraw(AGENT, user.habilitation_id, "départ")
    assert await deadlines.kinds(convention) == [KIND.LAST_DAY_TO_DENOUNCE, KIND.RENEWAL]


async def test_a_partner_without_a_convention_shows_its_suspension_art_7_2(deadlines: Deadlines) -> None:
    partner = await deadlines.register.partner("48")
    await deadlines.register.suspend(partner.partner_id, until=TODAY + DAY)
    assert await deadlines.kinds(partner) == [KIND.SUSPENSION_END]


async def test_a_suspension_without_a_day_does_not_fall_due_art_7_2(deadlines: Deadlines) -> None:
    partner = await deadlines.register.partner("48")
    await deadlines.register.suspend(partner.partner_id)
    assert await deadlines.kinds(partner) == []


async def test_what_the_facts_bring_is_shown_at_once_art_9_2(deadlines: Deadlines) -> None:
    register = deadlines.register
    convention = await register.convention()
    _, notice_id = await register.conventions.record_fact(
        AGENT, convention.convention_id, FormalNotice(Party.CAISSE, TODAY)
    )
    assert await deadlines.kinds(convention) == [KIND.CONVENTION_END, KIND.CURE_END]
    await register.record(convention, Cure(notice_id, TODAY))
    assert await deadlines.kinds(convention) == [KIND.LAST_DAY_TO_DENOUNCE, KIND.RENEWAL]


async def test_what_is_owed_is_shown_first_and_stays_art_6_1(deadlines: Deadlines, clock: FakeClock) -> None:
    convention = await deadlines.register.convention()
    provider = ProviderDeclaration("Numéris", TODAY - 100 * DAY)
    await deadlines.register.record(convention, provider, AgreedEnd(TODAY + 10 * DAY))
    assert await deadlines.kinds(convention) == [KIND.UNDERTAKING, KIND.CONVENTION_END]
    clock.advance(timedelta(days=700))
    owed = await deadlines.of(convention, horizon_days=1)
    assert [(each.kind, each.due_date) for each in owed] == [
        (KIND.UNDERTAKING, TODAY - 100 * DAY),
        (KIND.ATTESTATION, TODAY + 10 * DAY),
    ]


async def test_the_day_is_that_of_paris(deadlines: Deadlines, clock: FakeClock) -> None:
    convention = await deadlines.register.convention()
    # 23:30 in Paris on the last day to denounce, then half past midnight.
    clock.set(clock.now().replace(month=12, day=10, hour=22, minute=30))
    assert [each.due_date for each in await deadlines.of(convention, 1)] == [LAST_DAY]
    clock.advance(timedelta(hours=1))
    assert await deadlines.of(convention, 1) == []


async def test_a_caisse_is_shown_its_own_partners_only_art_4_7(deadlines: Deadlines) -> None:
    partner, _ = await convention_of(deadlines.register, OTHER_CAISSE)
    other = await deadlines.service.list(AGENT, "35", 400)
    assert not [each for each in other.deadlines if each.partner_id == partner.partner_id]


async def test_an_agent_is_shown_his_own_caisse_only_art_4_1(deadlines: Deadlines) -> None:
    with pytest.raises(AgentNotHabilitated):
        await deadlines.service.list(OTHER_AGENT, OTHER_CAISSE, 0)
    with pytest.raises(AgentNotHabilitated):
        await deadlines.service.calendar(OTHER_AGENT, OTHER_CAISSE, 0)


@pytest.mark.parametrize(
    ("caisse_code", "horizon_days", "field"),
    [
        ("00", 0, "caisse_code"),
        ("", 0, "caisse_code"),
        ("48", 401, "horizon_days"),
        ("48", -1, "horizon_days"),
    ],
)
async def test_what_cannot_be_listed_is_refused(
    deadlines: Deadlines, caisse_code: str, horizon_days: int, field: str
) -> None:
    with pytest.raises(InvalidField) as refused:
        await deadlines.service.list(AGENT, caisse_code, horizon_days)
    assert [each.field for each in refused.value.violations] == [field]


async def test_nothing_is_lost_between_pages(deadlines: Deadlines, monkeypatch: pytest.MonkeyPatch) -> None:
    register = deadlines.register
    partners = []
    for days in range(1, 6):
        partner, convention = await convention_of(register, "41")
        await users(register, convention, 1)
        await register.suspend(partner.partner_id, until=TODAY + days * DAY)
        partners.append(partner.partner_id)
    whole = await deadlines.service.list(AGENT, "41", 400)
    monkeypatch.setattr(reading, "_PAGE_SIZE", 2)
    paged = await deadlines.service.list(AGENT, "41", 400)
    assert paged == whole
    assert len({each.key for each in paged.deadlines}) == len(paged.deadlines)
    assert [each.due_date for each in paged.deadlines] == sorted(each.due_date for each in paged.deadlines)
    for partner_id in partners:
        assert len([each for each in paged.deadlines if each.partner_id == partner_id]) == 4


async def test_the_calendar_holds_what_is_listed(deadlines: Deadlines) -> None:
    partner, _ = await convention_of(deadlines.register, OTHER_CAISSE)
    listed = await deadlines.service.list(AGENT, OTHER_CAISSE, 120)
    calendar = Calendar.from_ical(await deadlines.service.calendar(AGENT, OTHER_CAISSE, 120))
    assert isinstance(calendar, Calendar)
    assert [event.decoded("DTSTART") for event in calendar.events] == [
        each.due_date for each in listed.deadlines
    ]
    assert any(partner.denomination in str(event["SUMMARY"]) for event in calendar.events)
    assert "MSA" in str(calendar["X-WR-CALNAME"])


class Context:
    """A call of an internal system that names its agent."""

    def invocation_metadata(self) -> Sequence[tuple[str, str]]:
        return (("caisse-agent", AGENT.named_agent),)

    def auth_context(self) -> Mapping[str, Sequence[bytes]]:
        return {"x509_subject_alternative_name": [b"qf.qf.internal"]}


async def test_the_handler_tells_it_in_protobuf(deadlines: Deadlines) -> None:
    partner, convention = await convention_of(deadlines.register, OTHER_CAISSE)
    known = await deadlines.register.suspend(partner.partner_id, until=TODAY + DAY)
    assert known.suspension is not None
    handler, context = DeadlineHandler(deadlines.service), Context()
    request = pb.ListDeadlinesRequest(caisse_code=OTHER_CAISSE)
    response = await handler.ListDeadlines(request, context)  # type: ignore[arg-type]  # as far as it is read
    suspension, last_day = (each for each in response.deadlines if each.partner_id == str(partner.partner_id))
    assert (suspension.kind, suspension.days_left) == (pb.DEADLINE_KIND_SUSPENSION_END, 1)
    assert (suspension.convention_id, suspension.detail) == ("", "PARTNER")
    assert suspension.subject_id == str(known.suspension.suspension_id)
    assert (last_day.kind, last_day.days_left) == (pb.DEADLINE_KIND_LAST_DAY_TO_DENOUNCE, 17)
    assert (last_day.due_date.year, last_day.due_date.month, last_day.due_date.day) == (2026, 12, 10)
    assert (last_day.convention_id, last_day.detail) == (str(convention.convention_id), "RENEWS")
    assert last_day.partner_denomination == "Mairie de Vallombreuse"
    asked = pb.GetDeadlineCalendarRequest(caisse_code=OTHER_CAISSE)
    calendar = await handler.GetDeadlineCalendar(asked, context)  # type: ignore[arg-type]  # as far as it is read
    assert calendar.calendar.startswith(b"BEGIN:VCALENDAR\r\n")


async def test_a_large_caisse_is_listed_in_two_seconds_and_keeps_nobody_waiting(
    deadlines: Deadlines, database: Database
) -> None:
    await fill(database)
    seconds, waits = [], []
    gc.collect()
    # As the server does once it has started.
    gc.freeze()
    for _ in range(3):
        waiting = asyncio.create_task(longest_wait())
        begun = perf_counter()
        listed = await deadlines.service.list(AGENT, LARGE_CAISSE, 400)
        seconds.append(perf_counter() - begun)
        waiting.cancel()
        waits.append(await waiting)
    gc.unfreeze()
    counted = [each.user_count for each in listed.deadlines if each.kind is KIND.RECERTIFICATION]
    assert sum(counted) == CONVENTIONS * USERS_OF_EACH
    assert len([each for each in listed.deadlines if each.kind is KIND.RENEWAL]) == CONVENTIONS
    assert min(seconds) < 2
    # A full collection of what the listing itself makes holds everybody up too, and may come at any time.
    assert min(waits) < 0.1


async def longest_wait() -> float:
    """How long another call would have waited for its turn, at worst, in seconds."""
    longest = 0.0
    with suppress(asyncio.CancelledError):
        while True:
            begun = perf_counter()
            await asyncio.sleep(PROBE_SECONDS)
            # Whoever kept the loop busy meanwhile kept this from going on.
            longest = max(longest, perf_counter() - begun - PROBE_SECONDS)
    return longest


async def fill(database: Database) -> None:
    """5,000 conventions with 25,000 users, written past the use cases, which would take minutes."""
    for first in range(0, CONVENTIONS, 500):
        await database.execute(
            "fill", _FILL, {"caisse": LARGE_CAISSE, "first": first, "signed": SIGNED, "users": USERS_OF_EACH}
        )


_FILL = """
WITH number AS MATERIALIZED (
    SELECT n, uuidv7() AS partner_id, uuidv7() AS convention_id, %(signed)s::date + n %% 365 AS signature_date
    FROM generate_series(%(first)s::integer, %(first)s::integer + 499) AS n
), partner AS (
    INSERT INTO partners (partner_id, caisse_code, numero_tiers, denomination, create_time)
    SELECT partner_id, %(caisse)s, 'G' || n, 'Mairie de Vallombreuse ' || n, now() FROM number
), convention AS (
    INSERT INTO conventions (convention_id, partner_id, caisse_code, signature_date, cnil_declaration_date, create_time)
    SELECT convention_id, partner_id, %(caisse)s, signature_date, signature_date, now() FROM number
), fact AS (
    INSERT INTO convention_facts (fact_id, convention_id, position, kind, details, record_time)
    SELECT uuidv7(), convention_id, position, kind, CASE kind
        WHEN 'SIGNATURE' THEN jsonb_build_object('party', party, 'signature_date', signature_date)
        ELSE jsonb_build_object('transmission_date', signature_date)
    END, now()
    FROM number CROSS JOIN (
        VALUES (1, 'SIGNATURE', 'CAISSE'), (2, 'SIGNATURE', 'PARTNER'), (3, 'CNIL_DECLARATION', '')
    ) AS fact (position, kind, party)
)
INSERT INTO habilitations (habilitation_id, convention_id, nom, prenom, email, bouquet, create_time, lapse_date)
SELECT uuidv7(), convention_id, 'Pâquerette', 'Zoé', 'zoe.' || n || '.' || u || '@vallombreuse.example',
    'QUOTIENT_FAMILIAL', now(), date '2027-05-09' + n %% 200
FROM number CROSS JOIN generate_series(1, %(users)s::integer) AS u
"""
