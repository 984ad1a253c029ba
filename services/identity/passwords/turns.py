"""Takes turns at work that keeps the processor busy, so that a flood of it is a queue of known length."""

import asyncio
from collections import deque
from contextlib import suppress

from services.identity.passwords.domain import SignInsOverloaded

# About what a full queue takes at the default settings.
_RETRY_AFTER_SECONDS = 5.0


class Turns:
    """So many at work at a time and so many waiting; urgent ones have a queue of their own, which goes first."""

    def __init__(self, at_work: int, maximum_waiting: int) -> None:
        self._free = at_work
        self._maximum_waiting = maximum_waiting
        self._urgent: deque[asyncio.Future[None]] = deque()
        self._ordinary: deque[asyncio.Future[None]] = deque()

    async def take(self, *, urgent: bool) -> None:
        """Waits for a turn. Who gives up waiting leaves the queue at once.

        Raises SignInsOverloaded without a wait where too many wait already.
        """
        if self._free:
            self._free -= 1
            return
        queue = self._urgent if urgent else self._ordinary
        if len(queue) >= self._maximum_waiting:
            raise SignInsOverloaded(retry_after_seconds=_RETRY_AFTER_SECONDS)
        turn = asyncio.get_running_loop().create_future()
        queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                with suppress(ValueError):
                    queue.remove(turn)
            else:
                self.give_back()
            raise

    def give_back(self) -> None:
        """Ends a turn: the next in line begins his."""
        for queue in (self._urgent, self._ordinary):
            while queue:
                turn = queue.popleft()
                if not turn.done():
                    turn.set_result(None)
                    return
        self._free += 1
