"""What caisse agents do with accounts (art. 4-1): make, replace, unlock and end credentials; end sessions.

Each act commits with its security event, and before it is acknowledged (N3).
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

import structlog
from psycopg import AsyncConnection

from services.identity.accounts.domain import (
    Account,
    OfAccount,
    OfHabilitation,
    OneSession,
    PartnerPolicy,
    RevocationScope,
    TemporaryPassword,
    WideScope,
)
from services.identity.accounts.store import AccountStore
from services.identity.attempts.service import SignInGuard
from services.identity.config import PasswordSettings
from services.identity.domain import new_login, require_caisse_code
from services.identity.events.domain import SecurityEventKind
from services.identity.events.service import SecurityEvents
from services.identity.passwords.domain import new_temporary_password
from services.identity.passwords.hashing import Passwords
from services.identity.passwords.personal_words import PersonalWords
from services.identity.second_factor.store import SecondFactorStore
from services.identity.sessions.store import SessionStore
from services.kit.clock import Clock
from services.kit.database import ConstraintViolated, Database
from services.kit.errors import RecordAlreadyExists, RecordNotFound
from services.kit.etags import require_unchanged
from services.kit.identifiers import new_uuid7

_log = structlog.get_logger()


class AccountService:
    """The accounts of habilitated users. Nobody registers himself (art. 4-1)."""

    def __init__(
        self,
        *,
        database: Database,
        accounts: AccountStore,
        sessions: SessionStore,
        second_factors: SecondFactorStore,
        guard: SignInGuard,
        passwords: Passwords,
        personal_words: PersonalWords,
        events: SecurityEvents,
        settings: PasswordSettings,
        clock: Clock,
    ) -> None:
        self._database = database
        self._accounts = accounts
        self._sessions = sessions
        self._second_factors = second_factors
        self._guard = guard
        self._passwords = passwords
        self._personal_words = personal_words
        self._events = events
        self._settings = settings
        self._clock = clock

    async def create(
        self, habilitation_id: UUID, partner_id: UUID, caisse_code: str, personal_words: Sequence[str]
    ) -> tuple[Account, TemporaryPassword]:
        """Makes the account of a habilitation, with a password to be shown once (art. 4-2).

        `personal_words`, the user's names, stand in no password of his; no more than their digests are kept.
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
                partner_id=partner_id,
                caisse_code=caisse_code,
                login=new_login(caisse_code),
                password_hash=password_hash,
                session_generation=0,
                device_generation=0,
                temporary_password_expire_time=temporary.expire_time,
                password_set_time=now,
                personal_word_indexes=list(self._personal_words.indexes(personal_words)),
                create_time=now,
                used_time=now,
            )
            if await self._added(account):
                _log.info("account_created", account_id=str(account.account_id))
                return account, temporary

    async def get(self, account_id: UUID) -> Account:
        """The account with this id. Raises RecordNotFound."""
        return _found(await self._accounts.find(account_id=account_id))

    async def get_by_habilitation(self, habilitation_id: UUID) -> Account:
        """The account of this habilitation. Raises RecordNotFound."""
        return _found(await self._accounts.find(habilitation_id=habilitation_id))

    async def is_locked(self, account: Account) -> bool:
        """Whether failed sign-ins lock the account now, save for devices it was used from before."""
        return await self._guard.is_locked(account.login)

    async def issue_temporary_password(self, account_id: UUID) -> TemporaryPassword:
        """Lost or stolen credentials (art. 5): ends sessions, voids every credential, issues a password.

        Raises RecordNotFound.
        """
        temporary = self._new_temporary_password()
        password_hash = await self._passwords.hash(temporary.password)
        now = self._clock.now()
        async with self._database.transaction("issue_password") as connection:
            account = await self._accounts.issue_password(
                connection, account_id, password_hash, temporary.expire_time, now
            )
            if account is None:
                raise RecordNotFound
            await self._second_factors.remove(connection, account_id)
            await self._events.note(
                connection, SecurityEventKind.TEMPORARY_PASSWORD_ISSUED, account_id=account_id
            )
        await self._guard.unlock(account.login)
        _log.info("temporary_password_issued", account_id=str(account_id))
        return temporary

    async def disable(self, account_id: UUID) -> None:
        """Ends the sessions and refuses every later sign-in (art. 4-4, 7-2). Raises RecordNotFound."""
        async with self._database.transaction("disable_account") as connection:
            if not await self._accounts.disable(connection, account_id, self._clock.now()):
                raise RecordNotFound
            await self._events.note(connection, SecurityEventKind.ACCOUNT_DISABLED, account_id=account_id)
        _log.info("account_disabled", account_id=str(account_id))

    async def unlock(self, account_id: UUID) -> None:
        """Forgets the failed sign-ins that lock the account. Raises RecordNotFound."""
        account = await self.get(account_id)
        await self._guard.unlock(account.login)
        async with self._database.transaction("unlock_account") as connection:
            await self._events.note(connection, SecurityEventKind.ACCOUNT_UNLOCKED, account_id=account_id)
        _log.info("account_unlocked", account_id=str(account_id))

    async def revoke_sessions(self, scope: RevocationScope) -> None:
        """Ends sessions (N3): the commit is what counts, so a failover of Redis brings none back.

        Raises RecordNotFound for an account, a habilitation or a session that is not there.
        """
        async with self._database.transaction("revoke_sessions") as connection:
            await self._revoke(connection, scope, self._clock.now())
        _log.info("sessions_revoked", scope=type(scope).__name__)

    async def set_policy(self, policy: PartnerPolicy, etag: str = "") -> PartnerPolicy:
        """Puts in force what a caisse requires of a partner's users, from their next call on.

        All of it: what was required before and is not named is required no more. `etag` is that of what was read, an
        empty one that of any. Raises RecordChanged.
        """
        async with self._database.transaction("set_policy") as connection:
            before = await self._accounts.lock_policy(connection, policy.partner_id)
            require_unchanged(etag, before.version)
            after = replace(policy, version=before.version + 1)
            await self._accounts.set_policy(connection, after)
            await self._events.note(
                connection, SecurityEventKind.PARTNER_POLICY_SET, scope=f"partner:{policy.partner_id}"
            )
        return after

    async def policy(self, partner_id: UUID) -> PartnerPolicy:
        """What is required of a partner's users."""
        return await self._accounts.policy(partner_id)

    async def _added(self, account: Account) -> bool:
        try:
            async with self._database.transaction("add_account") as connection:
                added = await self._accounts.add(connection, account)
                if added:
                    await self._events.note(
                        connection, SecurityEventKind.ACCOUNT_CREATED, account_id=account.account_id
                    )
                return added
        except ConstraintViolated as violated:
            if violated.constraint_name != "accounts_habilitation_id_key":
                raise
            raise RecordAlreadyExists from None

    async def _revoke(self, connection: AsyncConnection, scope: RevocationScope, now: datetime) -> None:
        account_id = session_id = None
        match scope:
            case WideScope():
                await self._accounts.end_sessions_of_scopes(connection, scope.names)
            case OneSession():
                ended = await self._sessions.end_by_id(connection, scope.session_id, now)
                if ended is None:
                    raise RecordNotFound
                account_id, session_id = ended.account_id, ended.session_id
            case OfAccount():
                account_id = await self._accounts.end_sessions(connection, account_id=scope.account_id)
            case OfHabilitation():
                account_id = await self._accounts.end_sessions(
                    connection, habilitation_id=scope.habilitation_id
                )
        if account_id is None and not isinstance(scope, WideScope):
            raise RecordNotFound
        name = scope.names[0] if isinstance(scope, WideScope) else ""
        await self._events.note(
            connection,
            SecurityEventKind.SESSIONS_REVOKED,
            account_id=account_id,
            session_id=session_id,
            scope=name,
        )

    def _new_temporary_password(self) -> TemporaryPassword:
        return TemporaryPassword(
            new_temporary_password(), self._clock.now() + self._settings.temporary_validity
        )


def _found(account: Account | None) -> Account:
    if account is None:
        raise RecordNotFound
    return account
