"""identity composed in the test's process: the real Postgres and Valkey, a clock that the test turns."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from services.identity.attempts.store import AttemptStore
from services.identity.config import IdentitySettings, PasswordSettings
from services.identity.domain import Authentication, OpenedSession
from services.identity.passwords.hashing import Passwords, open_passwords
from services.identity.service import AccountService, SessionService
from services.identity.session_store import SessionStore
from services.identity.store import AccountStore
from services.kit.config import read_key
from services.kit.database import Database, open_database
from services.kit.identifiers import new_uuid7
from services.kit.redaction import Password, SessionToken
from services.kit.redis import RedisClient, open_redis
from tests.clock import FakeClock

START = datetime(2026, 11, 23, 9, 0, 0, 123_000, tzinfo=UTC)
CHEAP_PASSWORDS = PasswordSettings(memory_kib=8, iterations=1, parallelism=1)
OWN_PASSWORD = Password("une vache dans le pré")


@dataclass(frozen=True)
class User:
    """A user as the caisse notified him (art. 4-2)."""

    account_id: UUID
    habilitation_id: UUID
    login: str
    temporary_password: Password


@dataclass(frozen=True)
class Identity:
    """The services with what they stand on."""

    settings: IdentitySettings
    clock: FakeClock
    database: Database
    redis: RedisClient
    passwords: Passwords
    accounts: AccountService
    sessions: SessionService

    async def new_user(self) -> User:
        """An account that nobody has signed in to."""
        habilitation_id = new_uuid7(START)
        account, temporary = await self.accounts.create(habilitation_id, "21")
        return User(account.account_id, habilitation_id, account.login, temporary.password)

    async def settled_user(self) -> tuple[User, SessionToken]:
        """A user who replaced the temporary password by `OWN_PASSWORD`, and his live session."""
        user = await self.new_user()
        opened = await self.sessions.sign_in(user.login, user.temporary_password)
        changed = await self.sessions.change_password(opened.token, user.temporary_password, OWN_PASSWORD)
        return user, changed.token

    async def sign_in(self, user: User) -> OpenedSession:
        """Signs a settled user in."""
        return await self.sessions.sign_in(user.login, OWN_PASSWORD)

    async def authenticate(self, token: SessionToken) -> Authentication:
        """The verdict on one token."""
        (verdict,) = await self.sessions.authenticate([token])
        return verdict


@asynccontextmanager
async def compose(settings: IdentitySettings) -> AsyncIterator[Identity]:
    """Composes the services at `START`, with the passwords of `settings`."""
    async with AsyncExitStack() as resources:
        database = await resources.enter_async_context(open_database(settings.database))
        redis = await resources.enter_async_context(open_redis(settings.redis))
        passwords = await resources.enter_async_context(open_passwords(settings.passwords))
        clock, accounts = FakeClock(START), AccountStore(database)
        index_key = read_key(settings.keys.login_index_key_file)
        sessions = SessionStore(redis, settings.sessions)
        attempts = AttemptStore(redis, settings.sign_in, index_key)
        yield Identity(
            settings=settings,
            clock=clock,
            database=database,
            redis=redis,
            passwords=passwords,
            accounts=AccountService(accounts, passwords, settings.passwords, clock),
            sessions=SessionService(accounts, sessions, attempts, passwords, settings.sessions, clock),
        )


def session_key(token: SessionToken) -> str:
    """Where Redis keeps the session."""
    return f"session:{token.digest().hex()}"
