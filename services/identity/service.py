"""What identity does: accounts for caisse agents (art. 4-1), sessions for their users (art. 4-3, 7-1)."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from uuid import UUID

import structlog

from services.identity.attempts.store import AttemptStore
from services.identity.config import PasswordSettings, SessionSettings
from services.identity.domain import (
    Account,
    Authentication,
    CredentialsRefused,
    LiveSession,
    OpenedSession,
    SessionHolder,
    SessionNotValid,
    SessionView,
    Standing,
    TemporaryPassword,
    TooManyFailures,
    is_current,
    is_login,
    judge,
    new_login,
    require_batch_size,
    require_caisse_code,
    typed_login,
)
from services.identity.passwords.domain import new_temporary_password, require_acceptable
from services.identity.passwords.hashing import Passwords
from services.identity.session_store import SessionStore
from services.identity.store import AccountStore
from services.kit.clock import Clock, epoch_ms, from_epoch_ms
from services.kit.errors import DependencyUnavailable, RecordNotFound
from services.kit.identifiers import new_token, new_uuid7
from services.kit.redaction import Password, SessionToken

_log = structlog.get_logger()


class AccountService:
    """The accounts of habilitated users. Nobody registers himself (art. 4-1)."""

    def __init__(
        self, accounts: AccountStore, passwords: Passwords, settings: PasswordSettings, clock: Clock
    ) -> None:
        self._accounts = accounts
        self._passwords = passwords
        self._settings = settings
        self._clock = clock

    async def create(self, habilitation_id: UUID, caisse_code: str) -> tuple[Account, TemporaryPassword]:
        """Makes the account of a habilitation, with a password to be shown once (art. 4-2).

        Raises InvalidField, or RecordAlreadyExists where the habilitation has an account.
        """
        require_caisse_code(caisse_code)
        temporary = self._new_temporary_password()
        password_hash = await self._passwords.hash(temporary.password)
        while True:
            now = self._clock.now()
            account = Account(
                account_id=new_uuid7(now),
                habilitation_id=habilitation_id,
                login=new_login(caisse_code),
                password_hash=password_hash,
                session_generation=0,
                temporary_password_expire_time=temporary.expire_time,
                create_time=now,
            )
            if await self._accounts.add(account):
                _log.info("account_created", account_id=str(account.account_id))
                return account, temporary

    async def get(self, account_id: UUID) -> Account:
        """The account with this id. Raises RecordNotFound."""
        return _found(await self._accounts.find(account_id=account_id))

    async def get_by_habilitation(self, habilitation_id: UUID) -> Account:
        """The account of this habilitation. Raises RecordNotFound."""
        return _found(await self._accounts.find(habilitation_id=habilitation_id))

    async def issue_temporary_password(self, account_id: UUID) -> TemporaryPassword:
        """Replaces lost or stolen credentials and ends the sessions (art. 5). Raises RecordNotFound."""
        temporary = self._new_temporary_password()
        password_hash = await self._passwords.hash(temporary.password)
        if not await self._accounts.issue_password(account_id, password_hash, temporary.expire_time):
            raise RecordNotFound
        _log.info("temporary_password_issued", account_id=str(account_id))
        return temporary

    async def disable(self, account_id: UUID) -> None:
        """Ends the sessions and refuses every later sign-in (art. 4-4, 7-2). Raises RecordNotFound."""
        if not await self._accounts.disable(account_id, self._clock.now()):
            raise RecordNotFound
        _log.info("account_disabled", account_id=str(account_id))

    async def revoke_sessions(self, account_id: UUID) -> None:
        """Ends the sessions (N3). Raises RecordNotFound."""
        if not await self._accounts.end_sessions(account_id):
            raise RecordNotFound
        _log.info("sessions_revoked", account_id=str(account_id))

    def _new_temporary_password(self) -> TemporaryPassword:
        return TemporaryPassword(
            new_temporary_password(), self._clock.now() + self._settings.temporary_validity
        )


class SessionService:
    """The sessions. An account has one live session; whatever ends it is committed in Postgres first (N3)."""

    def __init__(
        self,
        accounts: AccountStore,
        sessions: SessionStore,
        attempts: AttemptStore,
        passwords: Passwords,
        settings: SessionSettings,
        clock: Clock,
    ) -> None:
        self._accounts = accounts
        self._sessions = sessions
        self._attempts = attempts
        self._passwords = passwords
        self._settings = settings
        self._clock = clock

    async def sign_in(self, login: str, password: Password) -> OpenedSession:
        """Opens a session and ends an earlier one (art. 4-3). Raises CredentialsRefused or TooManyFailures."""
        login = typed_login(login)
        async with self._counted_attempt(login):
            account = await self._proved_account(login, password)
            now = self._clock.now()
            sign_in = await self._accounts.record_sign_in(
                account, await self._renewed_hash(account, password), now
            )
            if sign_in is None:
                raise CredentialsRefused
        _log.info("signed_in", account_id=str(account.account_id))
        return await self._open(
            SessionHolder(account.account_id, sign_in.session_generation),
            account.password_change_required,
            sign_in.previous_sign_in_time,
        )

    async def change_password(self, token: SessionToken, current: Password, new: Password) -> OpenedSession:
        """Replaces the password, ends every session and opens a new one (art. 4-3).

        Raises SessionNotValid, CredentialsRefused, TooManyFailures or InvalidField.
        """
        session, _ = await self._live(token)
        account = await self._accounts.find(account_id=session.holder.account_id)
        if account is None or account.session_generation != session.holder.generation:
            raise SessionNotValid
        async with self._counted_attempt(account.login):
            if not await self._passwords.matches(account.password_hash, current):
                raise CredentialsRefused
        require_acceptable(new, current, account.login)
        generation = await self._accounts.replace_password(account, await self._passwords.hash(new))
        if generation is None:
            raise SessionNotValid
        _log.info("password_changed", account_id=str(account.account_id))
        await self._sessions.remove(token)
        return await self._open(SessionHolder(account.account_id, generation), password_change_required=False)

    async def get_session(self, token: SessionToken) -> SessionView:
        """What is left of a session, without prolonging it (art. 7-1). Raises SessionNotValid."""
        session, standing = await self._live(token)
        return SessionView(
            password_change_required=standing.password_change_required,
            idle_timeout=self._settings.idle_timeout,
            idle_expire_time=min(session.idle_expire_time, session.expire_time),
            expire_time=session.expire_time,
        )

    async def sign_out(self, token: SessionToken) -> None:
        """Ends a session (N3). One that is over or never was is fine."""
        holder = await self._sessions.holder(token)
        if holder is None:
            return
        await self._accounts.end_session(holder)
        _log.info("signed_out", account_id=str(holder.account_id))
        await self._sessions.remove(token)

    async def authenticate(self, tokens: Sequence[SessionToken]) -> list[Authentication]:
        """The verdict on each token, in order; slides the idle limits (art. 7-1).

        One script in Redis and one statement in Postgres, whatever the number. Raises InvalidField for more
        than a batch holds, DependencyUnavailable where either is away (N8).
        """
        require_batch_size(len(tokens))
        sessions = await self._sessions.use(tokens, self._clock.now()) if tokens else []
        standings = await self._standings({session.holder.account_id for session in sessions if session})
        return [
            judge(session, standings.get(session.holder.account_id) if session else None)
            for session in sessions
        ]

    async def _live(self, token: SessionToken) -> tuple[LiveSession, Standing]:
        session = await self._sessions.look_at(token, self._clock.now())
        if session is None:
            raise SessionNotValid
        standing = (await self._standings({session.holder.account_id})).get(session.holder.account_id)
        if standing is None or not is_current(session.holder, standing):
            raise SessionNotValid
        return session, standing

    async def _standings(self, account_ids: set[UUID]) -> dict[UUID, Standing]:
        return await self._accounts.standings(account_ids) if account_ids else {}

    @asynccontextmanager
    async def _counted_attempt(self, login: str) -> AsyncIterator[None]:
        """Bounds wrong passwords per login. A right one forgets them; where nothing was decided, none is counted."""
        now = self._clock.now()
        attempt_id = str(new_uuid7(now))
        wait = await self._attempts.begin(login, attempt_id, now)
        if wait is not None:
            raise TooManyFailures(retry_after_seconds=wait.total_seconds())
        try:
            yield
        except (DependencyUnavailable, asyncio.CancelledError):
            with suppress(DependencyUnavailable):
                await self._attempts.withdraw(login, attempt_id)
            raise
        await self._attempts.clear(login)

    async def _proved_account(self, login: str, password: Password) -> Account:
        account = await self._accounts.find(login=login) if is_login(login) else None
        # Whatever is the matter, the answer takes one hash: its time does not tell which.
        proved = await self._passwords.matches(account.password_hash if account else None, password)
        if account is None or not proved or not account.accepts_sign_in(self._clock.now()):
            _log.info("sign_in_refused", account_id=str(account.account_id) if account else None)
            raise CredentialsRefused
        return account

    async def _renewed_hash(self, account: Account, password: Password) -> str:
        if self._passwords.is_outdated(account.password_hash):
            return await self._passwords.hash(password)
        return account.password_hash

    async def _open(
        self,
        holder: SessionHolder,
        password_change_required: bool,
        previous_sign_in_time: datetime | None = None,
    ) -> OpenedSession:
        token = SessionToken(new_token())
        # To the millisecond, as Redis keeps it: what is told now is what is told later.
        now = from_epoch_ms(epoch_ms(self._clock.now()))
        expire_time = now + self._settings.lifetime
        await self._sessions.add(token, holder, now, expire_time)
        return OpenedSession(
            token=token,
            password_change_required=password_change_required,
            idle_timeout=self._settings.idle_timeout,
            expire_time=expire_time,
            previous_sign_in_time=previous_sign_in_time,
        )


def _found(account: Account | None) -> Account:
    if account is None:
        raise RecordNotFound
    return account
