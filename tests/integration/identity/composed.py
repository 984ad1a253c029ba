"""identity composed in the test's process: the real Postgres and Valkey, a clock that the test turns."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import pyotp

from services.identity.accounts.service import AccountService
from services.identity.composition import Identity as Parts
from services.identity.composition import open_identity
from services.identity.config import IdentitySettings, PasswordSettings
from services.identity.domain import ClientContext
from services.identity.events.domain import SecurityEvent
from services.identity.sessions.domain import (
    Authentication,
    OpenedSession,
    SessionUse,
    SessionView,
    SignedIn,
)
from services.identity.sessions.service import SessionService
from services.kit.database import Database
from services.kit.identifiers import new_uuid7
from services.kit.redaction import OneTimeCode, Password, RecoveryCode, SessionToken, TotpSecret
from services.kit.redis import RedisClient
from tests.clock import FakeClock

START = datetime(2026, 11, 23, 9, 0, 0, 123_000, tzinfo=UTC)
CHEAP_PASSWORDS = PasswordSettings(memory_kib=8, iterations=1, parallelism=1)
OWN_PASSWORD = Password("une vache dans le pré")
NEW_PASSWORD = Password("deux vaches dans le pré")
CAISSE = "21"
TOWN_HALL = ClientContext("198.51.100.0/24", address="198.51.100.7")
ELSEWHERE = ClientContext("203.0.113.0/24", address="203.0.113.9")
NO_CODE = OneTimeCode("")


@dataclass(frozen=True)
class User:
    """A user as the caisse notified him (art. 4-2)."""

    account_id: UUID
    habilitation_id: UUID
    partner_id: UUID
    login: str
    temporary_password: Password


@dataclass(frozen=True)
class Identity:
    """The services with what they stand on."""

    settings: IdentitySettings
    clock: FakeClock
    parts: Parts

    @property
    def accounts(self) -> AccountService:
        """What caisse agents call."""
        return self.parts.accounts

    @property
    def sessions(self) -> SessionService:
        """What the gateway calls."""
        return self.parts.sessions

    @property
    def database(self) -> Database:
        """PostgreSQL."""
        return self.parts.database

    @property
    def redis(self) -> RedisClient:
        """Valkey."""
        return self.parts.redis

    async def new_user(
        self, partner_id: UUID | None = None, caisse_code: str = CAISSE, names: Sequence[str] = ()
    ) -> User:
        """An account that nobody has signed in to."""
        habilitation_id, partner_id = new_uuid7(START), partner_id or new_uuid7(START)
        account, temporary = await self.accounts.create(habilitation_id, partner_id, caisse_code, names)
        return User(account.account_id, habilitation_id, partner_id, account.login, temporary.password)

    async def settled_user(
        self, partner_id: UUID | None = None, caisse_code: str = CAISSE
    ) -> tuple[User, SessionToken]:
        """A user who replaced the temporary password by `OWN_PASSWORD`, and his live session."""
        user = await self.new_user(partner_id, caisse_code)
        signed_in = await self.sign_in(user, user.temporary_password)
        changed = await self.change_password(signed_in.session.token, user.temporary_password, OWN_PASSWORD)
        return user, changed.token

    async def sign_in(
        self,
        user: User,
        password: Password = OWN_PASSWORD,
        code: OneTimeCode = NO_CODE,
        client: ClientContext = TOWN_HALL,
    ) -> SignedIn:
        """Signs a user in, a settled one unless a password is given."""
        return await self.sign_in_as(user.login, password, code, client)

    async def sign_in_as(
        self,
        login: str,
        password: Password,
        code: OneTimeCode = NO_CODE,
        client: ClientContext = TOWN_HALL,
    ) -> SignedIn:
        """Signs in by any login."""
        return await self.parts.sign_ins.sign_in(login, password, code, client)

    async def change_password(self, token: SessionToken, current: Password, new: Password) -> OpenedSession:
        """Replaces the password of a session's user."""
        return await self.parts.password_changes.change(token, current, new, TOWN_HALL)

    async def sign_out(self, token: SessionToken) -> None:
        """Ends a session."""
        await self.sessions.sign_out(token, TOWN_HALL)

    async def look_at(self, token: SessionToken) -> SessionView:
        """What is left of a session."""
        return await self.sessions.get(token)

    async def authenticate(
        self,
        token: SessionToken,
        client: ClientContext | None = TOWN_HALL,
        *,
        consultation_count: int = 1,
    ) -> Authentication:
        """The verdict on one token; a count of 0 is that of a consultation that was counted before."""
        use = SessionUse(token.digest(), client, consultation_count)
        (verdict,) = await self.sessions.authenticate([use])
        return verdict

    async def authenticate_all(
        self, tokens: Iterable[SessionToken], client: ClientContext | None = TOWN_HALL
    ) -> list[Authentication]:
        """The verdict on each token, in one batch."""
        return await self.sessions.authenticate([SessionUse(token.digest(), client) for token in tokens])

    async def enrol(
        self, token: SessionToken, password: Password = OWN_PASSWORD
    ) -> tuple[TotpSecret, tuple[RecoveryCode, ...], OpenedSession]:
        """Enrols an app: its secret, the recovery codes, and the new session."""
        begun = await self.parts.second_factors.begin_enrolment(token, password, TOWN_HALL)
        code = self.code(begun.secret)
        confirmed = await self.parts.second_factors.confirm_enrolment(token, code, TOWN_HALL)
        return begun.secret, confirmed.recovery_codes, confirmed.session

    def code(self, secret: TotpSecret) -> OneTimeCode:
        """What the app shows now."""
        return OneTimeCode(pyotp.TOTP(secret.reveal()).at(self.clock.now()))

    async def events(self, account_id: UUID) -> list[SecurityEvent]:
        """The security events of an account, oldest first."""
        page = await self.parts.events.page(account_id, 500, "")
        return [*reversed(page.records)]


@asynccontextmanager
async def compose(settings: IdentitySettings) -> AsyncIterator[Identity]:
    """Composes the services at `START`, with the passwords of `settings`."""
    clock = FakeClock(START)
    async with open_identity(settings, clock) as parts:
        yield Identity(settings, clock, parts)


def session_key(token: SessionToken) -> str:
    """Where Redis keeps the session."""
    return f"{{identity}}:session:{token.digest().hex()}"
