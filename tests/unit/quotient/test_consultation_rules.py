"""Rules of the fields of a consultation and of an opposition."""

from datetime import date
from uuid import UUID

import pytest

from services.kit.errors import InvalidField
from services.quotient.disclosures.domain import (
    Purpose,
    read_month,
    read_purpose,
)
from services.quotient.fields import require_batch_size
from services.quotient.oppositions.domain import Channel, OppositionScope, read_channel, read_scope

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


def test_a_batch_has_at_most_500_members() -> None:
    require_batch_size("items", 500)
    with pytest.raises(InvalidField):
        require_batch_size("items", 501)
