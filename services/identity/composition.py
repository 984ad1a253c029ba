"""How identity's parts fit together: stores → rules with keys → use cases. Used by the server and by its tests."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from services.identity.accounts.service import AccountService
from services.identity.accounts.store import AccountStore
from services.identity.attempts.devices import Devices
from services.identity.attempts.service import SignInGuard
from services.identity.attempts.store import AttemptCounter
from services.identity.config import IdentitySettings
from services.identity.dormancy.service import DormancyService
from services.identity.dormancy.store import DormancyStore
from services.identity.events.service import SecurityEvents
from services.identity.events.store import SecurityEventStore
from services.identity.housekeeping import Housekeeping
from services.identity.outbox.service import OutboxService
from services.identity.outbox.store import OutboxStore
from services.identity.passwords.common_passwords import load_common_passwords
from services.identity.passwords.domain import PasswordRules
from services.identity.passwords.hashing import Passwords, open_passwords
from services.identity.passwords.personal_words import PersonalWords
from services.identity.passwords.policy import PasswordPolicy
from services.identity.second_factor.service import SecondFactors, SecondFactorService
from services.identity.second_factor.store import SecondFactorStore
from services.identity.sessions.authority import SessionAuthority
from services.identity.sessions.idle_store import IdleStore
from services.identity.sessions.opening import SessionOpener
from services.identity.sessions.password_change import PasswordChangeService
from services.identity.sessions.service import SessionService
from services.identity.sessions.sign_in import SignInService, SignInStores
from services.identity.sessions.store import SessionStore
from services.identity.use.service import UseService
from services.identity.use.store import UseStore
from services.kit.clock import Clock
from services.kit.config import read_key
from services.kit.database import Database, open_database
from services.kit.redis import RedisClient, open_redis

# An ended session's row explains itself for a day; then it is as unknown as one that never was.
_SESSIONS_KEPT_FOR = timedelta(days=1)


@dataclass(frozen=True)
class Identity:
    """The use cases, and what they stand on."""

    database: Database
    redis: RedisClient
    passwords: Passwords
    accounts: AccountService
    sign_ins: SignInService
    password_changes: PasswordChangeService
    sessions: SessionService
    second_factors: SecondFactorService
    events: SecurityEvents
    outbox: OutboxService
    use: UseService
    housekeeping: Housekeeping


@asynccontextmanager
async def open_identity(settings: IdentitySettings, clock: Clock) -> AsyncIterator[Identity]:
    """Opens the stores and puts the use cases together; all of it is closed at the end."""
    async with AsyncExitStack() as resources:
        database = await resources.enter_async_context(open_database(settings.database))
        redis = await resources.enter_async_context(open_redis(settings.redis))
        passwords = await resources.enter_async_context(open_passwords(settings.passwords))
        yield _compose(settings, clock, database, redis, passwords)


def _compose(
    settings: IdentitySettings, clock: Clock, database: Database, redis: RedisClient, passwords: Passwords
) -> Identity:
    index_key, data_key = read_key(settings.keys.index_key_file), read_key(settings.keys.data_key_file)
    personal_words = PersonalWords(index_key)
    common_passwords = load_common_passwords(settings.passwords.common_passwords_file)
    policy = PasswordPolicy(PasswordRules(common_passwords, personal_words), passwords)
    accounts, sessions = AccountStore(database), SessionStore(database)
    idle = IdleStore(redis, settings.sessions, index_key)
    factors, event_store = SecondFactorStore(database), SecurityEventStore(database)
    events = SecurityEvents(event_store, clock)
    guard = SignInGuard(AttemptCounter(redis, settings.sign_in, index_key), clock)
    opener = SessionOpener(sessions, idle, settings.sessions, settings.hours, clock)
    second_factors = SecondFactors(factors, data_key, settings.second_factor, clock)
    session_service = SessionService(
        database=database,
        sessions=sessions,
        idle=idle,
        events=events,
        settings=settings.sessions,
        clock=clock,
    )
    authority = SessionAuthority(
        database=database,
        accounts=accounts,
        session_service=session_service,
        sessions=sessions,
        opener=opener,
        guard=guard,
        passwords=passwords,
        events=events,
        event_store=event_store,
    )
    outbox_store = OutboxStore(database)
    outbox = OutboxService(outbox_store, clock)
    dormancy = DormancyService(DormancyStore(database, event_store), outbox_store, events, clock)
    use = UseService(database, UseStore(database), outbox_store, events, clock)

    async def purge_sessions() -> None:
        await sessions.purge(clock.now() - _SESSIONS_KEPT_FOR)

    return Identity(
        database=database,
        redis=redis,
        passwords=passwords,
        accounts=AccountService(
            database=database,
            accounts=accounts,
            sessions=sessions,
            second_factors=factors,
            guard=guard,
            passwords=passwords,
            personal_words=personal_words,
            events=events,
            settings=settings.passwords,
            clock=clock,
        ),
        sign_ins=SignInService(
            stores=SignInStores(database, accounts, sessions, event_store),
            opener=opener,
            guard=guard,
            devices=Devices(index_key, settings.sign_in.device_validity),
            passwords=passwords,
            second_factors=second_factors,
            events=events,
            session_settings=settings.sessions,
            password_settings=settings.passwords,
            clock=clock,
        ),
        password_changes=PasswordChangeService(
            authority=authority,
            accounts=accounts,
            passwords=passwords,
            policy=policy,
            settings=settings.passwords,
            clock=clock,
        ),
        sessions=session_service,
        second_factors=SecondFactorService(second_factors, authority),
        events=events,
        outbox=outbox,
        use=use,
        housekeeping=Housekeeping(dormancy, events, outbox, use, purge_sessions, settings.events.retention),
    )
