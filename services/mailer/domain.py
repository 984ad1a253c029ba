"""What is told by mail, to whom, and what keeps a message from being delivered."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import IntEnum
from typing import Generic, Self, TypeAlias, TypeVar
from uuid import UUID

from services.kit.redaction import Confidential

T = TypeVar("T")

# Nothing that is quoted, and nothing but ASCII (RFC 5321): neither a header nor a command can be forged with it.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"(?=.{{1,64}}@){_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+[A-Za-z]{{2,63}}")


class EmailAddress(Confidential):
    """Where to write to."""

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The address in `text`; None where it is no address that mail can be sent to."""
        return cls(text) if _ADDRESS.fullmatch(text) else None

    @property
    def domain(self) -> str:
        """What stands behind the @."""
        return self.reveal().rpartition("@")[2]


class Audience(IntEnum):
    """Whom a reminder is for; numbered as in the protos."""

    CAISSE = 1
    PARTNER = 2


class DeadlineKind(IntEnum):
    """What falls due; numbered as in the protos."""

    RENEWAL = 1
    LAST_DAY_TO_DENOUNCE = 2
    CONVENTION_END = 3
    CURE_END = 4
    FORCE_MAJEURE_TERMINATION = 5
    SUSPENSION_END = 6
    RECERTIFICATION = 7
    ATTESTATION = 8
    UNDERTAKING = 9


@dataclass(frozen=True)
class Deadline:
    """One thing that falls due; `user_count` is 0 where it is about no user."""

    kind: DeadlineKind
    due_date: date
    partner_denomination: str = field(repr=False)
    user_count: int


@dataclass(frozen=True)
class Reminder:
    """A deadline of which the caisse or the partner is reminded; a caisse's own address is the mailer's to know."""

    caisse_code: str
    audience: Audience
    partner_address: EmailAddress | None
    deadline: Deadline


@dataclass(frozen=True)
class DormancyWarning:
    """Nobody signed in for long: the account of this habilitation will be disabled."""

    habilitation_id: UUID
    disable_date: date


class UnusualUseKind(IntEnum):
    """What was unusual about an account's use; numbered as in the protos."""

    UNKNOWN_NIRS = 1
    VOLUME = 2
    ODD_HOURS = 3
    MANY_NETWORKS = 4


@dataclass(frozen=True)
class UnusualUseReason:
    """One part of a score: how many were seen where so many were to be expected at most."""

    kind: UnusualUseKind
    observed_count: int
    expected_count: int


@dataclass(frozen=True)
class UnusualUse:
    """The use of an account was unusual, `score` of 100: its caisse is to look (art. 7-2)."""

    caisse_code: str
    account_id: UUID
    partner_id: UUID
    event_time: datetime
    score: int
    reasons: Sequence[UnusualUseReason]
    suspended: bool


AccountWarning: TypeAlias = DormancyWarning | UnusualUse
"""What identity tells: a user, of his account; a caisse, of unusual use."""


@dataclass(frozen=True)
class User:
    """Whom a habilitation belongs to (annexe 2); `is_over` where it opens nothing any more (art. 4-4)."""

    address: EmailAddress | None
    caisse_code: str
    is_over: bool


@dataclass(frozen=True)
class Leased(Generic[T]):
    """A message that is ours for a while; without content where it is of a kind that this release does not know."""

    message_id: UUID
    content: T | None


@dataclass(frozen=True, repr=False)
class Text:
    """What a letter says: a subject of one line, and the body."""

    subject: str
    body: str


@dataclass(frozen=True)
class Letter:
    """A message that can be delivered; `reply_to` is the caisse's address, where it is known."""

    message_id: UUID
    recipient: EmailAddress
    reply_to: EmailAddress | None
    text: Text


@dataclass(frozen=True)
class Pauses:
    """How long to wait after a round: `every_seconds`, and after failures from `first_seconds` on, doubling."""

    every_seconds: float
    first_seconds: float
    longest_seconds: float

    def after(self, failures: int) -> float:
        """Seconds to wait after so many failures in a row."""
        if failures == 0:
            return self.every_seconds
        # Beyond that any pause is the longest.
        doublings = min(failures - 1, 30)
        return min(self.first_seconds * 2.0**doublings, self.longest_seconds)


class CaisseAddresses:
    """Where each caisse reads its mail: an address of its own, or the one for all others."""

    def __init__(self, by_code: dict[str, EmailAddress], default: EmailAddress | None) -> None:
        self._by_code = by_code
        self._default = default

    def find(self, caisse_code: str) -> EmailAddress | None:
        """The caisse's address, if it has one."""
        return self._by_code.get(caisse_code, self._default)


class NothingToTell(Exception):
    """The matter of a message is over, or whom it was for is gone: there is nobody to tell any more."""


class RecipientRefused(Exception):
    """The mail server will never take anything for this recipient (SMTP 5xx)."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class PutOff(Exception):
    """This message cannot be delivered now; it stays in its outbox. `reason` is one word, without a value (N5)."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class PostUnavailable(Exception):
    """The mail server is away, or takes nothing from us: nothing else can be delivered now either."""
