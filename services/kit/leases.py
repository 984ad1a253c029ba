"""How messages are taken from an outbox: so many at a time, for so long, until they are acknowledged."""

from datetime import timedelta

from services.kit.errors import FieldViolation, InvalidField

MAXIMUM_BATCH_SIZE = 500

_DEFAULT_MAXIMUM = 50
_DEFAULT_LEASE = timedelta(minutes=1)
_SHORTEST_LEASE = timedelta(seconds=1)
_LONGEST_LEASE = timedelta(hours=1)


def read_maximum(asked: int) -> int:
    """How many messages to take: what was asked, the default for 0. Raises InvalidField."""
    if not 0 <= asked <= MAXIMUM_BATCH_SIZE:
        raise InvalidField(FieldViolation("maximum", "RANGE", f"must be between 0 and {MAXIMUM_BATCH_SIZE}"))
    return asked or _DEFAULT_MAXIMUM


def read_lease(asked_seconds: float | None) -> timedelta:
    """For how long nobody else gets the messages; the default for None. Raises InvalidField."""
    if asked_seconds is None:
        return _DEFAULT_LEASE
    if not _SHORTEST_LEASE.total_seconds() <= asked_seconds <= _LONGEST_LEASE.total_seconds():
        raise InvalidField(FieldViolation("lease", "RANGE", "must be between a second and an hour"))
    return timedelta(seconds=asked_seconds)


def require_batch_size(size: int) -> None:
    """Raises InvalidField for more messages than are acknowledged at once."""
    if size > MAXIMUM_BATCH_SIZE:
        raise InvalidField(
            FieldViolation("message_ids", "BATCH_SIZE", f"must be at most {MAXIMUM_BATCH_SIZE}")
        )
