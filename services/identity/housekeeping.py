"""What identity does by itself, again and again."""

from collections.abc import Mapping
from datetime import timedelta
from functools import partial

from services.identity.dormancy.service import DormancyService
from services.identity.events.service import SecurityEvents
from services.identity.outbox.service import OutboxService
from services.identity.use.service import UseService
from services.kit.periodic import Work, attempt_each


class Housekeeping:
    """Looks for dormant accounts and removes what is old. What fails does not keep the rest from being done."""

    def __init__(
        self,
        dormancy: DormancyService,
        events: SecurityEvents,
        outbox: OutboxService,
        use: UseService,
        purge_sessions: Work,
        retention: timedelta,
    ) -> None:
        self._parts: Mapping[str, Work] = {
            "look_for_dormant": dormancy.look_for_dormant,
            "purge_sessions": purge_sessions,
            "purge_events": partial(events.purge, retention),
            "purge_messages": partial(outbox.purge, retention),
            "purge_use": partial(use.purge, retention),
        }

    async def run(self) -> None:
        """Does all of it once, each part in a span of its own."""
        await attempt_each(self._parts)
