"""The use cases → their handlers → the server."""

from msa.identity.v1.account_service_pb2_grpc import add_AccountServiceServicer_to_server
from msa.identity.v1.outbox_service_pb2_grpc import add_OutboxServiceServicer_to_server
from msa.identity.v1.second_factor_service_pb2_grpc import add_SecondFactorServiceServicer_to_server
from msa.identity.v1.security_event_service_pb2_grpc import add_SecurityEventServiceServicer_to_server
from msa.identity.v1.session_service_pb2_grpc import add_SessionServiceServicer_to_server
from msa.identity.v1.use_service_pb2_grpc import add_UseServiceServicer_to_server
from services.identity.accounts.handler import AccountHandler
from services.identity.composition import Identity
from services.identity.events.handler import SecurityEventHandler
from services.identity.outbox.handler import OutboxHandler
from services.identity.second_factor.handler import SecondFactorHandler
from services.identity.sessions.handler import SessionHandler
from services.identity.use.handler import UseHandler
from services.kit.server import Server


def serve_identity(server: Server, parts: Identity) -> None:
    """Adds every service of identity to the server."""
    sessions = SessionHandler(parts.sign_ins, parts.password_changes, parts.sessions)
    factors, events = SecondFactorHandler(parts.second_factors), SecurityEventHandler(parts.events)
    for add, handler, name in (
        (add_SessionServiceServicer_to_server, sessions, "SessionService"),
        (add_SecondFactorServiceServicer_to_server, factors, "SecondFactorService"),
        (add_AccountServiceServicer_to_server, AccountHandler(parts.accounts), "AccountService"),
        (add_SecurityEventServiceServicer_to_server, events, "SecurityEventService"),
        (add_UseServiceServicer_to_server, UseHandler(parts.use), "UseService"),
        (add_OutboxServiceServicer_to_server, OutboxHandler(parts.outbox), "OutboxService"),
    ):
        server.serve(add, handler, f"msa.identity.v1.{name}")
