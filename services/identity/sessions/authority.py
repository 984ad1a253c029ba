"""Who is signed in, for what changes his own credentials: proved again, and given a new token afterwards."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from psycopg import AsyncConnection

from services.identity.accounts.store import AccountStore
from services.identity.attempts.domain import HeldSession
from services.identity.attempts.service import SignInGuard, require_unlocked
from services.identity.domain import ClientContext, CredentialsRefused, SessionNotValid
from services.identity.events.domain import SecurityEventKind
from services.identity.events.service import SecurityEvents
from services.identity.events.store import SecurityEventStore
from services.identity.partner_access import AccessRefused, require_access
from services.identity.passwords.hashing import Passwords
from services.identity.second_factor.service import SignedInUser
from services.identity.sessions.domain import OpenedSession, Standing
from services.identity.sessions.opening import SessionOpener
from services.identity.sessions.service import SessionService
from services.identity.sessions.store import SessionStore
from services.kit.database import Database
from services.kit.errors import RecordNotFound
from services.kit.redaction import Password, SessionToken


class CredentialChange:
    """One transaction in which a user changes his own credentials."""

    def __init__(
        self,
        connection: AsyncConnection,
        standing: Standing,
        client: ClientContext,
        accounts: AccountStore,
        opener: SessionOpener,
        events: SecurityEvents,
    ) -> None:
        self.connection = connection
        self.replaced: OpenedSession | None = None
        self._standing = standing
        self._client = client
        self._accounts = accounts
        self._opener = opener
        self._events = events

    async def note(self, kind: SecurityEventKind) -> None:
        """Records what happened, with the rest of the transaction."""
        await self._events.note(
            self.connection,
            kind,
            account_id=self._standing.account_id,
            session_id=self._standing.session_id,
            network_prefix=self._client.network_prefix,
        )

    async def replace_session(self) -> OpenedSession:
        """Ends every session of the account and opens a new one; it lives once the transaction has ended."""
        account_id = self._standing.account_id
        await self._accounts.end_sessions(self.connection, account_id=account_id)
        account = await self._accounts.read(self.connection, account_id)
        if account is None:
            raise RecordNotFound
        self.replaced = await self._opener.insert(
            self.connection,
            account_id,
            account.partner_id,
            self._standing.previous_sign_in_time,
            second_factor_enrolment_required=(
                self._standing.second_factor_required and not account.second_factor_enrolled
            ),
        )
        return self.replaced


class SessionAuthority:
    """What a change of credentials asks of sessions, passwords and the guard against guessing."""

    def __init__(
        self,
        *,
        database: Database,
        accounts: AccountStore,
        session_service: SessionService,
        sessions: SessionStore,
        opener: SessionOpener,
        guard: SignInGuard,
        passwords: Passwords,
        events: SecurityEvents,
        event_store: SecurityEventStore,
    ) -> None:
        self._database = database
        self._accounts = accounts
        self._session_service = session_service
        self._sessions = sessions
        self._opener = opener
        self._guard = guard
        self._passwords = passwords
        self._events = events
        self._event_store = event_store

    async def signed_in(self, token: SessionToken) -> SignedInUser:
        """The user whose session is alive. Raises SessionNotValid."""
        _, standing = await self._session_service.live(token)
        account = await self._accounts.find(account_id=standing.account_id)
        if account is None:
            raise SessionNotValid
        return SignedInUser(
            account_id=account.account_id,
            session_id=standing.session_id,
            login=account.login,
            token_digest=standing.token_digest,
            password_change_required=standing.password_change_required,
            second_factor_required=standing.second_factor_required,
        )

    @asynccontextmanager
    async def guess(self, user: SignedInUser, client: ClientContext) -> AsyncIterator[None]:
        """Counts the block as a guess at the user's credentials where it raises CredentialsRefused.

        Counted apart from sign-ins, so that whoever guesses elsewhere does not hinder the user. Nothing here forgets
        failures: else one who knows the password could guess codes for ever.
        """
        subject = HeldSession(user.login)
        try:
            async with self._guard.attempt(subject, forgets=False) as attempt:
                # First, for what the block changes is committed at its end.
                require_unlocked(attempt)
                yield
        except CredentialsRefused:
            await self._record_refusal(user, client)
            raise

    async def prove_password(self, user: SignedInUser, password: Password) -> None:
        """Raises CredentialsRefused where it is not the password in force. Counts nothing."""
        account = await self._accounts.find(account_id=user.account_id)
        if account is None or not await self._passwords.matches(account.password_hash, password, urgent=True):
            raise CredentialsRefused

    @asynccontextmanager
    async def transaction(
        self, operation: str, user: SignedInUser, client: ClientContext
    ) -> AsyncIterator[CredentialChange]:
        """A transaction, named for its span, in which nobody else changes the user's account.

        Raises SessionNotValid where his session was ended since it was looked at, and NetworkNotAllowed or
        ClientCertificateRequired where his partner's users may not call from there, or with that. A session that the
        block opened lives once the block has ended.
        """
        try:
            async with self._database.transaction(operation) as connection:
                standing = await self._locked_standing(connection, user)
                require_access(standing.partner_networks, standing.partner_certificates, client)
                change = CredentialChange(
                    connection, standing, client, self._accounts, self._opener, self._events
                )
                yield change
        except AccessRefused:
            await self._record_refusal(user, client)
            raise
        if change.replaced is not None:
            await self._opener.publish(change.replaced, [user.token_digest])

    async def _locked_standing(self, connection: AsyncConnection, user: SignedInUser) -> Standing:
        await self._accounts.lock(connection, user.account_id)
        # A statement of its own: it sees what was committed before the lock was had.
        standing = await self._sessions.standing(connection, user.token_digest)
        if standing is None or not standing.current:
            raise SessionNotValid
        return standing

    async def _record_refusal(self, user: SignedInUser, client: ClientContext) -> None:
        await self._event_store.record(
            [
                self._events.new(
                    SecurityEventKind.CREDENTIAL_CHANGE_REFUSED,
                    account_id=user.account_id,
                    session_id=user.session_id,
                    network_prefix=client.network_prefix,
                )
            ]
        )
