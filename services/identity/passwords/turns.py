"""Takes turns at work that keeps the processor busy, so that a flood of it is a queue of known length."""

import asyncio
from collections import deque
from contextlib import suppress
from secrets import SystemRandom

from services.identity.passwords.domain import SignInsOverloaded

# About what a full queue takes at the default settings; apart, so that who is sent away does not come back at once
# with all the others.
_SHORTEST_RETRY_SECONDS = 3.0
_LONGEST_RETRY_SECONDS = 9.0
_random = SystemRandom()


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
        self._require_room(queue)
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

    def require_room(self) -> None:
        """Raises SignInsOverloaded where who is not urgent would not even be let wait."""
        if not self._free:
            self._require_room(self._ordinary)

    def _require_room(self, queue: deque[asyncio.Future[None]]) -> None:
        if len(queue) >= self._maximum_waiting:
            seconds = _random.uniform(_SHORTEST_RETRY_SECONDS, _LONGEST_RETRY_SECONDS)
            raise SignInsOverloaded(retry_after_seconds=seconds)

    def give_back(self) -> None:
        """Ends a turn: the next in line begins his."""
        for queue in (self._urgent, self._ordinary):
            while queue:
                turn = queue.popleft()
                if not turn.done():
                    turn.set_result(None)
                    return
        self._free += 1
