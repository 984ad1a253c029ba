"""The rules on guessing: what tries are counted by, and how long failures make one wait. Pure.

CNIL deliberation 2022-100, access to the account restricted: after five failures a delay that grows, of more than a
minute from the start, and at most 25 tries in 24 hours.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TypeAlias
from uuid import UUID

from services.kit.errors import DomainError, Reason

DAY = timedelta(hours=24)
# How wrong a clock may be, forth or back, without a try more in any 24 hours.
CLOCK_TOLERANCE = timedelta(hours=1)
FAILURES_COUNT_FOR = DAY + CLOCK_TOLERANCE


class TooManySignIns(DomainError):
    """Too many sign-ins failed, from this network or altogether; whose login it is plays no part."""

    reason = Reason.RATE_LIMITED
    message = "Too many sign-ins fail at present, from this network or altogether. Wait, then try again."


@dataclass(frozen=True)
class AnyBrowser:
    """Who asks for an account from a browser that is not known: bound with all of his kind, and by his network.

    `login` need not exist. `network_prefix` is as the edge saw it; an unknown one, "", is a network like any other.
    """

    login: str = field(repr=False)
    network_prefix: str = ""


@dataclass(frozen=True)
class KnownDevice:
    """A browser the account was used from before (`Devices.recognise`): bound by its own failures only."""

    login: str = field(repr=False)
    device_id: UUID


@dataclass(frozen=True)
class HeldSession:
    """Who is signed in and must prove himself again: bound by what failed in any session of the account.

    Not by session: a change of password opens a new one, and with it whoever knows the password could guess codes anew.
    """

    login: str = field(repr=False)


Subject: TypeAlias = AnyBrowser | KnownDevice | HeldSession


class Verdict(StrEnum):
    """What is done with a try; the script in Redis uses the same names."""

    ALLOWED = "ALLOWED"
    LOCKED = "LOCKED"
    TOO_MANY = "TOO_MANY"


@dataclass(frozen=True)
class Attempt:
    """A try that began."""

    attempt_id: UUID
    subject: Subject
    verdict: Verdict
    locks_account: bool = False
    """Whether its failure, if it fails, is the one that locks the account: the first of a row, not those after."""
    retry_after: timedelta | None = None
    """How long to wait; only where there are too many."""

    @property
    def locked(self) -> bool:
        """Whether it is refused whatever is found, which nobody is told: it must look and last like any other."""
        return self.verdict is Verdict.LOCKED


@dataclass(frozen=True)
class Delays:
    """How long a subject waits after so many failures of the last 24 hours."""

    free_failures: int
    first: timedelta
    longest: timedelta
    maximum_tries: int

    def after(self, failures: int) -> timedelta:
        """From the last failure to the next try: nothing at first, then `first`, doubling up to `longest`.

        After `maximum_tries` there is none until the oldest failure is a day old.
        """
        if failures < self.free_failures:
            return timedelta(0)
        # As integers: no number of doublings is too many.
        doubled = (self.first // _MILLISECOND) << (failures - self.free_failures)
        return min(doubled, self.longest // _MILLISECOND) * _MILLISECOND

    def lock_begins_with(self, failures: int) -> bool:
        """Whether the last of so many failures is the first that makes the next try wait."""
        return failures == self.free_failures


_MILLISECOND = timedelta(milliseconds=1)
