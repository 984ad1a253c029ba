"""Rules of the fields of a consultation and of an opposition (art. 3, annexe 1)."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast
from uuid import UUID

import pytest

from services.kit.clock import PARIS, paris_date
from services.kit.errors import InvalidField
from services.kit.nir import Nir
from services.quotient.disclosures.domain import (
    Consultation,
    Purpose,
    is_outside_window,
    read_month,
    read_purpose,
)
from services.quotient.disclosures.service import DisclosureService
from services.quotient.disclosures.store import DisclosureStore
from services.quotient.fields import require_batch_size
from services.quotient.keys.keyring import Keyring as RealKeyring
from services.quotient.oppositions.domain import (
    Channel,
    Declarant,
    OppositionScope,
    Requester,
    read_channel,
    read_declarant,
    read_received_on,
    read_requester,
    read_scope,
)
from services.quotient.secrecy import Keys, PersonIndexer, Vault
from tests.clock import FakeClock

PARTNER = "01900000-0000-7000-8000-000000000001"


def test_a_purpose_must_be_said() -> None:
    assert read_purpose("purpose", 2) is Purpose.PRICING
    for number in (0, 8):
        with pytest.raises(InvalidField):
            read_purpose("purpose", number)


def test_a_month_is_named_by_its_first_day() -> None:
    assert read_month("month", date(2026, 11, 1)) == date(2026, 11, 1)
    with pytest.raises(InvalidField):
        read_month("month", date(2026, 11, 2))


@pytest.mark.parametrize(
    ("today", "first", "last"),
    [
        (date(2026, 11, 24), date(2024, 11, 1), date(2026, 12, 1)),
        (date(2026, 12, 31), date(2024, 12, 1), date(2027, 1, 1)),
        (date(2027, 1, 1), date(2025, 1, 1), date(2027, 2, 1)),
        (date(2026, 2, 28), date(2024, 2, 1), date(2026, 3, 1)),
        (date(2028, 2, 29), date(2026, 2, 1), date(2028, 3, 1)),
        (date(2028, 1, 31), date(2026, 1, 1), date(2028, 2, 1)),
    ],
)
def test_a_month_may_be_24_months_ago_or_the_next_one_art_3(today: date, first: date, last: date) -> None:
    before = (first - timedelta(1)).replace(day=1)
    after = (last + timedelta(31)).replace(day=1)
    assert [is_outside_window(month, today) for month in (before, first, today.replace(day=1), last, after)] == [
        True, False, False, False, True,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("midnight", "leaving", "coming"),
    [
        (datetime(2026, 12, 1, tzinfo=PARIS), date(2024, 11, 1), date(2027, 1, 1)),
        (datetime(2026, 7, 1, tzinfo=PARIS), date(2024, 6, 1), date(2026, 8, 1)),
        (datetime(2028, 3, 1, tzinfo=PARIS), date(2026, 2, 1), date(2028, 4, 1)),
    ],
)
def test_the_window_moves_on_at_midnight_in_paris(midnight: datetime, leaving: date, coming: date) -> None:
    clock = FakeClock(midnight.astimezone(UTC) - timedelta(milliseconds=1))
    assert not is_outside_window(leaving, paris_date(clock.now()))
    assert is_outside_window(coming, paris_date(clock.now()))
    clock.advance(timedelta(milliseconds=1))
    assert is_outside_window(leaving, paris_date(clock.now()))
    assert not is_outside_window(coming, paris_date(clock.now()))


class Store:
    """Remembers the day on which it was asked; nothing is disclosed."""

    today: date | None = None

    async def disclose(self, *asked: object) -> Sequence[Any]:
        """Answers as where there is nothing to show."""
        self.today = cast(date, asked[-1])
        return []


class Keyring:
    """One key."""

    async def using(self, work: Callable[[Keys], Awaitable[Any]]) -> Any:
        """What `work` makes with it."""
        return await work(Keys(PersonIndexer([bytes(32)]), Vault({1: bytes(32)}, bytes(32))))


async def test_the_day_of_a_consultation_is_that_of_paris() -> None:
    store, clock = Store(), FakeClock(datetime(2026, 11, 30, 22, 59, 59, tzinfo=UTC))
    service = DisclosureService(cast(DisclosureStore, store), cast(RealKeyring, Keyring()), clock)
    asked = Consultation(
        nir=Nir.parse("269054958815780"),
        caisse_code="21",
        month=date(2026, 11, 1),
        purpose=Purpose.PRICING,
        purpose_text="",
        case_reference="",
        account_id=UUID(PARTNER),
        habilitation_id=UUID(PARTNER),
        partner_id=UUID(PARTNER),
        convention_id=UUID(PARTNER),
        opposed=False,
        trace_id="",
    )
    await service.disclose([asked])
    assert store.today == date(2026, 11, 30)
    clock.advance(timedelta(seconds=1))
    await service.disclose([asked])
    assert store.today == date(2026, 12, 1)


def test_an_opposition_without_a_partner_is_to_all_of_them() -> None:
    assert read_scope("21", "") == OppositionScope("21", None)
    assert read_scope("21", PARTNER) == OppositionScope("21", UUID(PARTNER))


@pytest.mark.parametrize(("caisse_code", "partner_id"), [("", ""), ("211", ""), ("21", "nobody")])
def test_a_scope_names_a_caisse_and_perhaps_a_partner(caisse_code: str, partner_id: str) -> None:
    with pytest.raises(InvalidField):
        read_scope(caisse_code, partner_id)


def test_a_family_need_not_say_how_it_objects() -> None:
    assert read_channel(0) is Channel.UNSPECIFIED
    with pytest.raises(InvalidField):
        read_channel(99)


def test_who_asks_is_the_person_unless_it_is_said_otherwise() -> None:
    assert [read_requester(number) for number in (0, 1, 2)] == [
        Requester.PERSON,
        Requester.PERSON,
        Requester.REPRESENTATIVE,
    ]
    with pytest.raises(InvalidField):
        read_requester(3)


def test_a_partner_declares_an_opposition_against_itself_only_annexe_1() -> None:
    itself = OppositionScope("21", UUID(PARTNER))
    assert read_declarant(0, itself) is Declarant.CAISSE
    assert read_declarant(2, itself) is Declarant.PARTNER
    with pytest.raises(InvalidField) as refused:
        read_declarant(2, OppositionScope("21", None))
    assert refused.value.violations[0].field == "scope.partner_id"
    with pytest.raises(InvalidField):
        read_declarant(3, itself)


def test_an_opposition_was_expressed_today_or_before() -> None:
    today = date(2028, 2, 29)
    assert read_received_on(None, today) == today
    assert read_received_on(date(2027, 2, 28), today) == date(2027, 2, 28)
    with pytest.raises(InvalidField) as refused:
        read_received_on(date(2028, 3, 1), today)
    assert refused.value.violations[0].field == "received_on"


def test_a_batch_has_at_most_500_members() -> None:
    require_batch_size("items", 500)
    with pytest.raises(InvalidField):
        require_batch_size("items", 501)
