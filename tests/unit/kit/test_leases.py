"""How messages are taken from an outbox."""

from datetime import timedelta

import pytest

from services.kit.errors import InvalidField
from services.kit.leases import MAXIMUM_BATCH_SIZE, read_lease, read_maximum, require_batch_size


@pytest.mark.parametrize(("asked", "taken"), [(0, 50), (1, 1), (500, 500)])
def test_fifty_messages_are_taken_unless_another_number_is_asked_for(asked: int, taken: int) -> None:
    assert read_maximum(asked) == taken


@pytest.mark.parametrize("asked", [-1, 501])
def test_no_more_than_five_hundred_are_taken(asked: int) -> None:
    with pytest.raises(InvalidField):
        read_maximum(asked)


@pytest.mark.parametrize(("asked", "seconds"), [(None, 60), (1, 1), (3600, 3600)])
def test_messages_are_held_for_a_minute_unless_asked_otherwise(asked: float | None, seconds: int) -> None:
    assert read_lease(asked) == timedelta(seconds=seconds)


@pytest.mark.parametrize("asked", [0, 0.999, 3600.001, -1])
def test_messages_are_held_for_a_second_to_an_hour(asked: float) -> None:
    with pytest.raises(InvalidField):
        read_lease(asked)


def test_no_more_than_five_hundred_are_acknowledged_at_once() -> None:
    require_batch_size(MAXIMUM_BATCH_SIZE)
    with pytest.raises(InvalidField):
        require_batch_size(MAXIMUM_BATCH_SIZE + 1)
