"""How a session begins, whatever opens it: a sign-in, or a change of privilege that calls for a new token."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from psycopg import AsyncConnection

from services.identity.config import SessionSettings
from services.identity.sessions.domain import OpenedSession, Session
from services.identity.sessions.idle_store import IdleStore
from services.identity.sessions.store import SessionStore
from services.kit.clock import Clock, epoch_ms, from_epoch_ms
from services.kit.hours import HoursSettings, next_closing
from services.kit.identifiers import new_token, new_uuid7
from services.kit.redaction import SessionToken


class SessionOpener:
    """Opens sessions: first in PostgreSQL, with the act that opens them, then in Redis."""

    def __init__(
        self,
        sessions: SessionStore,
        idle: IdleStore,
        settings: SessionSettings,
        hours: HoursSettings,
        clock: Clock,
    ) -> None:
        self._sessions = sessions
        self._idle = idle
        self._settings = settings
        self._hours = hours
        self._clock = clock

    async def insert(
        self,
        connection: AsyncConnection,
        account_id: UUID,
        partner_id: UUID,
        previous_sign_in_time: datetime | None,
        *,
        password_change_required: bool = False,
        second_factor_enrolment_required: bool = False,
    ) -> OpenedSession:
        """Opens a session within a transaction; it lives once `publish` has followed the commit."""
        token = SessionToken(new_token())
        # To the millisecond, as Redis keeps it: what is told now is what is told later.
        now = from_epoch_ms(epoch_ms(self._clock.now()))
        session = Session(
            session_id=new_uuid7(now),
            token_digest=token.digest(),
            account_id=account_id,
            open_time=now,
            expire_time=self._expire_time(now),
            previous_sign_in_time=previous_sign_in_time,
        )
        await self._sessions.add(connection, session)
        return OpenedSession(
            token=token,
            session_id=session.session_id,
            account_id=account_id,
            partner_id=partner_id,
            idle_timeout=self._settings.idle_timeout,
            open_time=now,
            expire_time=session.expire_time,
            password_change_required=password_change_required,
            second_factor_enrolment_required=second_factor_enrolment_required,
        )

    async def publish(self, opened: OpenedSession, ended: Sequence[bytes]) -> None:
        """Lets Redis know the session, and forget those, by their digests, that it took the place of."""
        await self._idle.add(opened)
        await self._idle.remove(ended)

    def _expire_time(self, now: datetime) -> datetime:
        """The end of its longest life, and never past closing time (art. 5)."""
        longest = now + self._settings.lifetime
        return longest if self._hours.always_open else min(longest, next_closing(now))
