"""What is done with second factors: enrolled, proved, replaced and removed."""

import asyncio
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

import structlog
from psycopg import AsyncConnection

from services.identity.config import SecondFactorSettings
from services.identity.domain import ClientContext, CredentialsRefused, PasswordChangeRequired
from services.identity.events.domain import SecurityEventKind
from services.identity.second_factor.domain import (
    CodeCheck,
    Enrolment,
    SecondFactorState,
    TotpFactor,
    accepted_step,
    new_recovery_codes,
    new_totp_secret,
    otpauth_uri,
    recovery_code_digest,
    typed_recovery_code,
)
from services.identity.second_factor.qr_code import qr_code_svg
from services.identity.second_factor.store import SecondFactorStore
from services.identity.sessions.domain import OpenedSession
from services.kit.clock import Clock
from services.kit.redaction import OneTimeCode, Password, RecoveryCode, SessionToken, TotpSecret
from services.kit.vault import Vault

_PURPOSE = b"msa.identity.totp"
_log = structlog.get_logger()


class SecondFactors:
    """The factors themselves; who asks, and how often he may, is the caller's business."""

    def __init__(
        self, store: SecondFactorStore, data_key: bytes, settings: SecondFactorSettings, clock: Clock
    ) -> None:
        self._store = store
        self._vault = Vault(data_key, _PURPOSE)
        self._settings = settings
        self._clock = clock

    async def new_enrolment(self, login: str) -> Enrolment:
        """A new secret, to be shown this once."""
        secret = new_totp_secret()
        uri = otpauth_uri(secret, self._settings.issuer, login)
        # Drawing takes as long as several calls.
        return Enrolment(secret, uri, await asyncio.to_thread(qr_code_svg, uri))

    async def begin(self, connection: AsyncConnection, account_id: UUID, secret: TotpSecret) -> None:
        """Keeps a new secret until a code confirms it; one that was only begun is void.

        Raises SecondFactorState where a factor is enrolled.
        """
        sealed = self._vault.seal(account_id, secret.reveal().encode())
        if not await self._store.begin(connection, account_id, sealed, self._clock.now()):
            raise SecondFactorState

    async def confirm(
        self, connection: AsyncConnection, account_id: UUID, code: OneTimeCode
    ) -> tuple[RecoveryCode, ...]:
        """Enrols the factor that was begun, by a code made with it; returns its recovery codes, this once.

        Raises SecondFactorState where none was begun of late, CredentialsRefused where the code is wrong.
        """
        now = self._clock.now()
        factor = await self._store.find(connection, account_id)
        if factor is None or not factor.may_be_confirmed(now, self._settings.enrolment_validity):
            raise SecondFactorState
        step = self._accepted_step(factor, code, now)
        if step is None:
            raise CredentialsRefused
        if not await self._store.enrol(connection, factor, step, now):
            raise SecondFactorState
        return await self.renew_recovery_codes(connection, account_id)

    async def is_enrolled(self, connection: AsyncConnection, account_id: UUID) -> bool:
        """Whether sign-ins ask for a code."""
        return await self._enrolled(connection, account_id) is not None

    async def check(self, connection: AsyncConnection, account_id: UUID, code: OneTimeCode) -> CodeCheck:
        """Whether the code stands for the factor enrolled; if so, it is used up when the transaction commits.

        Refused where none is enrolled.
        """
        factor = await self._enrolled(connection, account_id)
        if factor is None:
            return CodeCheck.REFUSED
        # First, for recovery codes serve even where the key of the secrets is lost.
        if await self._use_recovery_code(connection, account_id, code):
            return CodeCheck.ACCEPTED_BY_RECOVERY_CODE
        if await self._use_app_code(connection, factor, code):
            return CodeCheck.ACCEPTED_BY_APP
        return CodeCheck.REFUSED

    async def renew_recovery_codes(
        self, connection: AsyncConnection, account_id: UUID
    ) -> tuple[RecoveryCode, ...]:
        """Puts new recovery codes in force; those before are void."""
        codes = new_recovery_codes()
        await self._store.replace_recovery_codes(connection, account_id, [*map(recovery_code_digest, codes)])
        return codes

    async def remove(self, connection: AsyncConnection, account_id: UUID) -> None:
        """Forgets the factor, begun or enrolled, and its recovery codes. Fine where there is none."""
        await self._store.remove(connection, account_id)

    async def _enrolled(self, connection: AsyncConnection, account_id: UUID) -> TotpFactor | None:
        factor = await self._store.find(connection, account_id)
        return factor if factor is not None and factor.enrolled else None

    async def _use_app_code(self, connection: AsyncConnection, factor: TotpFactor, code: OneTimeCode) -> bool:
        step = self._accepted_step(factor, code, self._clock.now())
        return step is not None and await self._store.use_step(connection, factor, step)

    async def _use_recovery_code(
        self, connection: AsyncConnection, account_id: UUID, code: OneTimeCode
    ) -> bool:
        typed = typed_recovery_code(code)
        return typed is not None and await self._store.use_recovery_code(
            connection, account_id, recovery_code_digest(typed)
        )

    def _accepted_step(self, factor: TotpFactor, code: OneTimeCode, now: datetime) -> int | None:
        secret = TotpSecret(self._vault.open(factor.account_id, factor.sealed_secret).decode())
        return accepted_step(secret, code, now, factor.last_step)


@dataclass(frozen=True)
class SignedInUser:
    """Whose live session a token opens."""

    account_id: UUID
    session_id: UUID
    login: str = field(repr=False)
    token_digest: bytes = field(repr=False)
    password_change_required: bool
    second_factor_required: bool
    """The caisse requires one of the users of this partner."""


class UserTransaction(Protocol):
    """One transaction in which a user changes his own credentials."""

    @property
    def connection(self) -> AsyncConnection:
        """What statements of the transaction run on."""
        ...

    async def note(self, kind: SecurityEventKind) -> None:
        """Records what happened, with the rest of the transaction."""
        ...

    async def replace_session(self) -> OpenedSession:
        """Ends every session of the account and opens a new one: the user's privileges change.

        It lives once the block of the transaction has ended.
        """
        ...


class SessionAuthority(Protocol):
    """What second factors need of sessions, passwords and the guard against guessing."""

    async def signed_in(self, token: SessionToken) -> SignedInUser:
        """The user whose session is alive. Raises SessionNotValid."""
        ...

    def guess(self, user: SignedInUser, client: ClientContext) -> AbstractAsyncContextManager[None]:
        """Counts the block as a guess at the user's credentials where it raises CredentialsRefused.

        A block that ends otherwise forgets no earlier failure: whoever knows the password could else guess codes for
        ever, with a right password between them. Raises CredentialsRefused where the user may not try now.
        """
        ...

    async def prove_password(self, user: SignedInUser, password: Password) -> None:
        """Raises CredentialsRefused where it is not the password in force. Counts nothing."""
        ...

    def transaction(
        self, operation: str, user: SignedInUser, client: ClientContext
    ) -> AbstractAsyncContextManager[UserTransaction]:
        """A transaction, named for its span, in which nobody else changes the user's account.

        Raises SessionNotValid where his session was ended since it was looked at.
        """
        ...


@dataclass(frozen=True)
class ConfirmedEnrolment:
    """A factor just enrolled: its recovery codes and the new session, shown this once."""

    recovery_codes: tuple[RecoveryCode, ...]
    session: OpenedSession


class SecondFactorService:
    """What a user does with his second factor. While his password is a temporary one, nothing (art. 4-3)."""

    def __init__(self, factors: SecondFactors, sessions: SessionAuthority) -> None:
        self._factors = factors
        self._sessions = sessions

    async def begin_enrolment(
        self, token: SessionToken, current_password: Password, client: ClientContext
    ) -> Enrolment:
        """Shows a secret, which counts only once confirmed.

        Raises SessionNotValid, PasswordChangeRequired, CredentialsRefused, or SecondFactorState where one is enrolled.
        """
        user = await self._user(token)
        async with self._sessions.guess(user, client):
            await self._sessions.prove_password(user, current_password)
            enrolment = await self._factors.new_enrolment(user.login)
            async with self._sessions.transaction("begin_second_factor", user, client) as transaction:
                await self._factors.begin(transaction.connection, user.account_id, enrolment.secret)
        return enrolment

    async def confirm_enrolment(
        self, token: SessionToken, code: OneTimeCode, client: ClientContext
    ) -> ConfirmedEnrolment:
        """Enrols by a code what was begun, ends every session and opens a new one.

        Raises SessionNotValid, PasswordChangeRequired, CredentialsRefused, or SecondFactorState where none was begun of
        late.
        """
        user = await self._user(token)
        async with (
            self._sessions.guess(user, client),
            self._sessions.transaction("enrol_second_factor", user, client) as transaction,
        ):
            recovery_codes = await self._factors.confirm(transaction.connection, user.account_id, code)
            await transaction.note(SecurityEventKind.SECOND_FACTOR_ENROLLED)
            session = await transaction.replace_session()
        _log.info("second_factor_enrolled", account_id=str(user.account_id))
        return ConfirmedEnrolment(recovery_codes, session)

    async def renew_recovery_codes(
        self, token: SessionToken, code: OneTimeCode, client: ClientContext
    ) -> tuple[RecoveryCode, ...]:
        """Replaces the recovery codes, by a code of the app.

        Raises SessionNotValid, PasswordChangeRequired, CredentialsRefused, or SecondFactorState where none is enrolled.
        """
        user = await self._user(token)
        async with (
            self._sessions.guess(user, client),
            self._sessions.transaction("renew_recovery_codes", user, client) as transaction,
        ):
            if await self._checked(transaction, user, code) is not CodeCheck.ACCEPTED_BY_APP:
                raise CredentialsRefused
            recovery_codes = await self._factors.renew_recovery_codes(transaction.connection, user.account_id)
            await transaction.note(SecurityEventKind.RECOVERY_CODES_RENEWED)
        _log.info("recovery_codes_renewed", account_id=str(user.account_id))
        return recovery_codes

    async def remove(
        self, token: SessionToken, current_password: Password, code: OneTimeCode, client: ClientContext
    ) -> OpenedSession:
        """Removes the factor, by password and code, ends every session and opens a new one.

        Raises SessionNotValid, PasswordChangeRequired, CredentialsRefused, or SecondFactorState where there is none or
        the caisse requires it.
        """
        user = await self._user(token)
        if user.second_factor_required:
            raise SecondFactorState
        async with self._sessions.guess(user, client):
            await self._sessions.prove_password(user, current_password)
            async with self._sessions.transaction("remove_second_factor", user, client) as transaction:
                if await self._checked(transaction, user, code) is CodeCheck.ACCEPTED_BY_RECOVERY_CODE:
                    await transaction.note(SecurityEventKind.RECOVERY_CODE_USED)
                await self._factors.remove(transaction.connection, user.account_id)
                await transaction.note(SecurityEventKind.SECOND_FACTOR_REMOVED)
                session = await transaction.replace_session()
        _log.info("second_factor_removed", account_id=str(user.account_id))
        return session

    async def _user(self, token: SessionToken) -> SignedInUser:
        user = await self._sessions.signed_in(token)
        if user.password_change_required:
            raise PasswordChangeRequired
        return user

    async def _checked(
        self, transaction: UserTransaction, user: SignedInUser, code: OneTimeCode
    ) -> CodeCheck:
        """How the code was accepted. Raises SecondFactorState where none is enrolled, or CredentialsRefused."""
        if not await self._factors.is_enrolled(transaction.connection, user.account_id):
            raise SecondFactorState
        checked = await self._factors.check(transaction.connection, user.account_id, code)
        if checked is CodeCheck.REFUSED:
            raise CredentialsRefused
        return checked
