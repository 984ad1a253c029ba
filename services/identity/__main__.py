"""Runs the identity server: `python -m services.identity --config FILE`."""

from msa.identity.v1 import account_service_pb2_grpc as account_rpc
from msa.identity.v1 import outbox_service_pb2_grpc as outbox_rpc
from msa.identity.v1 import second_factor_service_pb2_grpc as factor_rpc
from msa.identity.v1 import security_event_service_pb2_grpc as event_rpc
from msa.identity.v1 import session_service_pb2_grpc as session_rpc
from services.identity.access import ACCESS
from services.identity.accounts.handler import AccountHandler
from services.identity.composition import open_identity
from services.identity.config import IdentitySettings
from services.identity.events.handler import SecurityEventHandler
from services.identity.outbox.handler import OutboxHandler
from services.identity.second_factor.handler import SecondFactorHandler
from services.identity.sessions.handler import SessionHandler
from services.kit.clock import SystemClock
from services.kit.database import require_schema
from services.kit.periodic import periodic
from services.kit.server import Server, main


async def compose(settings: IdentitySettings, server: Server) -> None:
    """The use cases → their handlers, and what identity does by itself."""
    parts = await server.enter(open_identity(settings, SystemClock()))
    await require_schema(parts.database, "0006")
    sessions = SessionHandler(parts.sign_ins, parts.password_changes, parts.sessions)
    factors, events = SecondFactorHandler(parts.second_factors), SecurityEventHandler(parts.events)
    serve, package = server.serve, "msa.identity.v1"
    serve(session_rpc.add_SessionServiceServicer_to_server, sessions, f"{package}.SessionService")
    serve(factor_rpc.add_SecondFactorServiceServicer_to_server, factors, f"{package}.SecondFactorService")
    accounts, outbox = AccountHandler(parts.accounts), OutboxHandler(parts.outbox)
    serve(account_rpc.add_AccountServiceServicer_to_server, accounts, f"{package}.AccountService")
    serve(event_rpc.add_SecurityEventServiceServicer_to_server, events, f"{package}.SecurityEventService")
    serve(outbox_rpc.add_OutboxServiceServicer_to_server, outbox, f"{package}.OutboxService")
    await server.enter(periodic(parts.housekeeping.run, settings.housekeeping.every_seconds, "housekeeping"))


if __name__ == "__main__":
    main("identity", IdentitySettings, ACCESS, compose)
