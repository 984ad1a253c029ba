"""What identity is to be told, and when it is tried again."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from uuid import UUID

_FIRST_DELAY = timedelta(seconds=2)
_LONGEST_DELAY = timedelta(minutes=5)
_DOUBLINGS = 8


class PropagationKind(StrEnum):
    """What identity is to do."""

    END_PARTNER_SESSIONS = "END_PARTNER_SESSIONS"
    END_USER_SESSIONS = "END_USER_SESSIONS"
    DISABLE_ACCOUNT = "DISABLE_ACCOUNT"


@dataclass(frozen=True)
class Propagation:
    """One thing to tell; `subject_id` is the partner, or the habilitation of the user."""

    propagation_id: UUID
    kind: PropagationKind
    subject_id: UUID
    attempt_count: int


def delay_after(attempt_count: int) -> timedelta:
    """How long after its `attempt_count`-th attempt a telling is tried again: doubling, five minutes at most."""
    factor: int = 2 ** min(attempt_count - 1, _DOUBLINGS)
    return min(_FIRST_DELAY * factor, _LONGEST_DELAY)
