"""What a session is good for: to be judged, looked at, and ended (art. 7-1)."""

import asyncio
from collections.abc import Sequence

import structlog

from services.identity.config import SessionSettings
from services.identity.domain import ClientContext, SessionNotValid
from services.identity.events.domain import SecurityEventKind
from services.identity.events.service import SecurityEvents
from services.identity.sessions.domain import (
    Authentication,
    LiveSession,
    SessionUse,
    SessionView,
    Standing,
    is_alive,
    judge,
    require_batch_size,
)
from services.identity.sessions.idle_store import IdleStore
from services.identity.sessions.store import SessionStore
from services.kit.clock import Clock
from services.kit.database import Database
from services.kit.redaction import SessionToken

_log = structlog.get_logger()


class SessionService:
    """The sessions. Whatever ends one is committed in PostgreSQL before it is acknowledged (N3)."""

    def __init__(
        self,
        *,
        database: Database,
        sessions: SessionStore,
        idle: IdleStore,
        events: SecurityEvents,
        settings: SessionSettings,
        clock: Clock,
    ) -> None:
        self._database = database
        self._sessions = sessions
        self._idle = idle
        self._events = events
        self._settings = settings
        self._clock = clock

    async def authenticate(self, uses: Sequence[SessionUse]) -> list[Authentication]:
        """The verdict on each use, in order; counts them, and slides the idle limits (art. 7-1).

        One script in Redis and one statement in Postgres, side by side, whatever the number. Raises InvalidField
        for more than a batch holds, DependencyUnavailable where either is away (N8).
        """
        require_batch_size(len(uses))
        if not uses:
            return []
        now = self._clock.now()
        counted, standings = await asyncio.gather(
            self._idle.use(uses, now), self._sessions.standings({use.token_digest for use in uses})
        )
        return [
            judge(met, standings.get(use.token_digest), use.client or ClientContext(), now)
            for use, met in zip(uses, counted, strict=True)
        ]

    async def live(self, token: SessionToken) -> tuple[LiveSession, Standing]:
        """A session that is alive, without prolonging it. Raises SessionNotValid."""
        now, digest = self._clock.now(), token.digest()
        session, standings = await asyncio.gather(
            self._idle.look_at(digest, now), self._sessions.standings({digest})
        )
        standing = standings.get(digest)
        if session is None or standing is None or not is_alive(session, standing, now):
            raise SessionNotValid
        return session, standing

    async def get(self, token: SessionToken) -> SessionView:
        """What is left of a session, without prolonging it (art. 7-1). Raises SessionNotValid."""
        session, standing = await self.live(token)
        remaining = session.remaining(self._clock.now())
        return SessionView(
            password_change_required=standing.password_change_required,
            second_factor_enrolment_required=standing.second_factor_enrolment_required,
            idle_timeout=self._settings.idle_timeout,
            idle_expire_time=min(session.idle_expire_time, session.expire_time),
            expire_time=session.expire_time,
            remaining=remaining,
            expiring_soon=remaining <= self._settings.warning,
            previous_sign_in_time=standing.previous_sign_in_time,
        )

    async def sign_out(self, token: SessionToken, client: ClientContext) -> None:
        """Ends a session (N3), known to Redis or not. One that is over or never was is fine."""
        digest = token.digest()
        async with self._database.transaction("sign_out") as connection:
            ended = await self._sessions.end_by_digest(connection, digest, self._clock.now())
            if ended is None:
                return
            await self._events.note(
                connection,
                SecurityEventKind.SIGNED_OUT,
                account_id=ended.account_id,
                session_id=ended.session_id,
                network_prefix=client.network_prefix,
            )
        _log.info("signed_out", account_id=str(ended.account_id))
        await self._idle.remove([digest])
