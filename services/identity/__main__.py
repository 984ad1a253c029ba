"""Runs the identity server: `python -m services.identity --config FILE`."""

from msa.identity.v1.account_service_pb2_grpc import add_AccountServiceServicer_to_server
from msa.identity.v1.session_service_pb2_grpc import add_SessionServiceServicer_to_server
from services.identity.access import ACCESS
from services.identity.attempts.store import AttemptStore
from services.identity.config import IdentitySettings
from services.identity.handler import AccountHandler, SessionHandler
from services.identity.passwords.hashing import open_passwords
from services.identity.service import AccountService, SessionService
from services.identity.session_store import SessionStore
from services.identity.store import AccountStore
from services.kit.clock import SystemClock
from services.kit.config import read_key
from services.kit.database import open_database, require_schema
from services.kit.redis import open_redis
from services.kit.server import Server, main


async def compose(settings: IdentitySettings, server: Server) -> None:
    """Postgres, Redis, passwords → stores → services → handlers."""
    database = await server.enter(open_database(settings.database))
    redis = await server.enter(open_redis(settings.redis))
    passwords = await server.enter(open_passwords(settings.passwords))
    await require_schema(database, "0001")
    clock, accounts = SystemClock(), AccountStore(database)
    sessions = SessionStore(redis, settings.sessions)
    attempts = AttemptStore(redis, settings.sign_in, read_key(settings.keys.login_index_key_file))
    account_service = AccountService(accounts, passwords, settings.passwords, clock)
    session_service = SessionService(accounts, sessions, attempts, passwords, settings.sessions, clock)
    for add, handler, name in (
        (add_AccountServiceServicer_to_server, AccountHandler(account_service), "AccountService"),
        (add_SessionServiceServicer_to_server, SessionHandler(session_service), "SessionService"),
    ):
        server.serve(add, handler, f"msa.identity.v1.{name}")


if __name__ == "__main__":
    main("identity", IdentitySettings, ACCESS, compose)
