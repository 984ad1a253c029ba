"""The change of a password by its user (art. 4-3)."""

import structlog

from services.identity.accounts.domain import Account
from services.identity.accounts.store import AccountStore
from services.identity.config import PasswordSettings
from services.identity.domain import ClientContext, CredentialsRefused, SessionNotValid
from services.identity.events.domain import SecurityEventKind
from services.identity.passwords.hashing import Passwords
from services.identity.passwords.policy import PasswordPolicy
from services.identity.sessions.authority import SessionAuthority
from services.identity.sessions.domain import OpenedSession
from services.kit.clock import Clock
from services.kit.redaction import Password, SessionToken

_log = structlog.get_logger()


class PasswordChangeService:
    """Replaces passwords: a temporary one is good for nothing else (art. 4-3)."""

    def __init__(
        self,
        *,
        authority: SessionAuthority,
        accounts: AccountStore,
        passwords: Passwords,
        policy: PasswordPolicy,
        settings: PasswordSettings,
        clock: Clock,
    ) -> None:
        self._authority = authority
        self._accounts = accounts
        self._passwords = passwords
        self._policy = policy
        self._settings = settings
        self._clock = clock

    async def change(
        self, token: SessionToken, current: Password, new: Password, client: ClientContext
    ) -> OpenedSession:
        """Replaces the password, ends every session and opens a new one.

        Raises SessionNotValid, CredentialsRefused, or InvalidField naming each rule that the new password breaks.
        """
        user = await self._authority.signed_in(token)
        async with self._authority.guess(user, client):
            await self._authority.prove_password(user, current)
        account = await self._accounts.find(account_id=user.account_id)
        if account is None:
            raise SessionNotValid
        new_hash = await self._acceptable_hash(account, current, new)
        async with self._authority.transaction("change_password", user, client) as change:
            if not await self._accounts.replace_password(
                change.connection, account, new_hash, self._clock.now()
            ):
                raise CredentialsRefused
            await self._accounts.keep_former_password(
                change.connection,
                account.account_id,
                account.password_hash,
                self._settings.remembered_passwords - 1,
            )
            await change.note(SecurityEventKind.PASSWORD_CHANGED)
            session = await change.replace_session()
        _log.info("password_changed", account_id=str(account.account_id))
        return session

    async def _acceptable_hash(self, account: Account, current: Password, new: Password) -> str:
        await self._policy.require_acceptable(
            new,
            current=current,
            login=account.login,
            personal_word_indexes=account.personal_word_indexes,
            former_hashes=await self._accounts.former_passwords(account.account_id),
        )
        return await self._passwords.hash(new)
