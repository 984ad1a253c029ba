from google.protobuf.descriptor import FileDescriptor

from msa.identity.v1 import (
    account_service_pb2,
    outbox_service_pb2,
    second_factor_service_pb2,
    security_event_service_pb2,
    session_service_pb2,
    use_service_pb2,
)
from services.identity.access import ACCESS


def _methods(file: FileDescriptor) -> set[str]:
    return {
        f"/{service.full_name}/{method.name}"
        for service in file.services_by_name.values()
        for method in service.methods
    }


def test_every_rpc_says_who_may_call_it() -> None:
    files = (
        account_service_pb2,
        outbox_service_pb2,
        second_factor_service_pb2,
        security_event_service_pb2,
        session_service_pb2,
        use_service_pb2,
    )
    assert set(ACCESS) == set[str]().union(*(_methods(file.DESCRIPTOR) for file in files))


def test_the_gateway_handles_sessions_agents_accounts_and_a_mailer_the_outbox() -> None:
    by_service = {method.split("/")[1]: set[frozenset[str]]() for method in ACCESS}
    for method, roles in ACCESS.items():
        by_service[method.split("/")[1]].add(roles)
    assert by_service == {
        "msa.identity.v1.SessionService": {frozenset({"gateway"})},
        "msa.identity.v1.SecondFactorService": {frozenset({"gateway"})},
        "msa.identity.v1.AccountService": {
            frozenset({"agent_tools"}),
            frozenset({"agent_tools", "registry"}),
        },
        "msa.identity.v1.SecurityEventService": {frozenset({"agent_tools"})},
        "msa.identity.v1.UseService": {frozenset({"gateway"}), frozenset({"agent_tools"})},
        "msa.identity.v1.OutboxService": {frozenset({"mailer"})},
    }


def test_the_register_of_partners_ends_access_and_gives_none() -> None:
    """Art. 4-4, 7-2; N3."""
    ended_by_registry = {method.rpartition("/")[2] for method, roles in ACCESS.items() if "registry" in roles}
    assert ended_by_registry == {"GetAccount", "DisableAccount", "RevokeSessions"}
