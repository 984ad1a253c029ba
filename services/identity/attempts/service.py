"""What stands between a guess and the password it is compared with."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress

from services.identity.attempts.domain import Attempt, Subject, TooManySignIns
from services.identity.attempts.store import AttemptCounter
from services.identity.domain import CredentialsRefused
from services.identity.passwords.domain import SignInsOverloaded
from services.kit.clock import Clock
from services.kit.errors import DependencyUnavailable, DomainError


class SignInGuard:
    """Bounds wrong passwords and codes: of an account, a device, a session, a network, and altogether."""

    def __init__(self, attempts: AttemptCounter, clock: Clock) -> None:
        self._attempts = attempts
        self._clock = clock

    @asynccontextmanager
    async def attempt(self, subject: Subject, *, forgets: bool = True) -> AsyncIterator[Attempt]:
        """Lets a try through, and counts it by how it ends.

        - Normally: the subject's failures are forgotten; or, where the try proves but a part of the credentials
          (`forgets=False`), it is just none itself.
        - With CredentialsRefused: it is one failure more.
        - With another error of the domain: nothing was refused (the second factor is still to come, a store is away),
          so it counts for nothing.
        - Given up by its caller: it counts for his network only, for it cost a hash.
        - With anything else: it stays counted.

        An `attempt.locked` must do the same work as any other, and is refused at the end, right or wrong. Where
        `attempt.locks_account`, a failure is the one to be recorded as locking the account.

        Raises TooManySignIns with the time to wait, CredentialsRefused, DependencyUnavailable (N8).
        """
        attempt = await self._attempts.begin(subject, self._clock.now())
        if attempt.retry_after is not None:
            raise TooManySignIns(retry_after_seconds=attempt.retry_after.total_seconds())
        try:
            yield attempt
        except CredentialsRefused:
            raise
        except DomainError as error:
            await _if_possible(self._attempts.withdraw(attempt))
            # What says nothing of the account is told to everybody alike; of anything else, not even that the password
            # was right.
            if not isinstance(error, (DependencyUnavailable, SignInsOverloaded)):
                require_unlocked(attempt)
            raise
        except asyncio.CancelledError:
            await _if_possible(self._attempts.abandon(attempt))
            raise
        require_unlocked(attempt)
        await (self._attempts.succeed(attempt) if forgets else self._attempts.withdraw(attempt))

    async def unlock(self, login: str) -> None:
        """Forgets the failures of an account, its devices and its sessions. Raises DependencyUnavailable."""
        await self._attempts.clear(login, self._clock.now())

    async def is_locked(self, login: str) -> bool:
        """Whether failures lock the account now, save for known devices. Raises DependencyUnavailable."""
        return await self._attempts.is_locked(login, self._clock.now())


def require_unlocked(attempt: Attempt) -> None:
    """Raises CredentialsRefused where the subject of the try is locked."""
    if attempt.locked:
        raise CredentialsRefused


async def _if_possible(uncount: Awaitable[None]) -> None:
    """What cannot be uncounted stays counted."""
    with suppress(DependencyUnavailable):
        await uncount
