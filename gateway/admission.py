"""Who may do what now: hours → session → right; the way in of every call with a session but the hot one."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Protocol

from gateway.domain import (
    Caller,
    ClientContext,
    Maintenance,
    OnlineService,
    RateLimit,
    RateLimited,
    Right,
)
from gateway.hours import OpeningHours
from services.kit.clock import Clock
from services.kit.errors import DependencyUnavailable
from services.kit.redaction import SessionToken


class Notice(Protocol):
    """Hears, once a session has proved itself, what is left of it and of its limits."""

    def session(self, remaining: timedelta) -> None:
        """How long it lives if nothing more is called (art. 7-1)."""
        ...

    def rate_limits(self, rate_limits: Sequence[RateLimit]) -> None:
        """How much of each limit is left."""
        ...


class Authenticator(Protocol):
    """Who calls."""

    async def authenticate(
        self,
        token: SessionToken,
        client: ClientContext,
        *,
        consultation_count: int = 1,
        counted_before: bool = False,
    ) -> Caller:
        """Whose session it is; `consultation_count` counts against its limits unless it was counted before.

        Raises SessionNotValid, PasswordChangeRequired, SecondFactorEnrolmentRequired, UseSuspended,
        NetworkNotAllowed, ClientCertificateRequired or RateLimited.
        """
        ...


class Partners(Protocol):
    """What the caller may do."""

    async def authorize(self, habilitation_id: str, online_service: OnlineService) -> Right:
        """The right; raises HabilitationNotValid, ConventionNotInForce, PartnerSuspended or UserSuspended."""
        ...


class Admission:
    """Admits calls, by the clock, the session and the register."""

    def __init__(
        self,
        clock: Clock,
        hours: OpeningHours,
        identity: Authenticator,
        partners: Partners,
        budget_seconds: float,
    ) -> None:
        self._clock = clock
        self._hours = hours
        self._identity = identity
        self._partners = partners
        self._budget_seconds = budget_seconds

    def require_open(self) -> None:
        """Raises ServiceClosed outside the hours (art. 4-6, 5; N4)."""
        self._hours.require_open()

    @asynccontextmanager
    async def budget(self) -> AsyncIterator[None]:
        """The time that an answer may take: beyond it, DependencyUnavailable (N8)."""
        try:
            async with asyncio.timeout(self._budget_seconds):
                yield
        except TimeoutError:
            raise DependencyUnavailable from None

    async def authenticate(
        self, token: SessionToken, client: ClientContext, notice: Notice, consultation_count: int = 1
    ) -> Caller:
        """Whose session it is; `notice` hears what is left. Raises what `Authenticator.authenticate` raises."""
        try:
            caller = await self._identity.authenticate(token, client, consultation_count=consultation_count)
        except RateLimited as limited:
            notice.rate_limits(limited.rate_limits)
            raise
        notice.session(caller.remaining)
        notice.rate_limits(caller.rate_limits)
        return caller

    async def authorize(
        self, caller: Caller, online_service: OnlineService = OnlineService.QUOTIENT_CONSULTATION
    ) -> Right:
        """The caller's right, in a caisse that is not in maintenance.

        Raises what `Partners.authorize` raises, and Maintenance with the wait until the service answers again (art. 5).
        """
        right = await self._partners.authorize(caller.habilitation_id, online_service)
        now, end = self._clock.now(), right.maintenance_end_time
        if end is not None and now < end:
            raise Maintenance(retry_after_seconds=(self._hours.first_open(end) - now).total_seconds())
        return right

    async def admit(
        self,
        token: SessionToken,
        client: ClientContext,
        notice: Notice,
        *,
        online_service: OnlineService = OnlineService.QUOTIENT_CONSULTATION,
        consultation_count: int = 1,
    ) -> tuple[Caller, Right]:
        """Caller and right together, within the hours and the budget."""
        self.require_open()
        async with self.budget():
            caller = await self.authenticate(token, client, notice, consultation_count)
            return caller, await self.authorize(caller, online_service)

    async def readmit(self, token: SessionToken, client: ClientContext, caller: Caller) -> Right:
        """The right of one who was admitted and counted, as it is now: nothing of it is remembered (N3).

        Raises what `authenticate` and `authorize` raise, but RateLimited.
        """
        _, right = await asyncio.gather(
            self._identity.authenticate(token, client, counted_before=True), self.authorize(caller)
        )
        return right
