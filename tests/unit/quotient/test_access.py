from msa.quotient.v1 import (
    disclosure_service_pb2,
    dossier_service_pb2,
    journal_service_pb2,
    key_service_pb2,
    opposition_service_pb2,
    person_service_pb2,
)
from services.quotient.access import ACCESS

FILES = (
    disclosure_service_pb2,
    dossier_service_pb2,
    journal_service_pb2,
    key_service_pb2,
    opposition_service_pb2,
    person_service_pb2,
)
HOT_CALLS = {
    "/msa.quotient.v1.OppositionService/CheckOppositions",
    "/msa.quotient.v1.DisclosureService/Disclose",
}
# What a partner's user may do beside consulting: object for a person, and see his own lines (annexe 1, art. 6-1).
OF_USERS = {
    "/msa.quotient.v1.OppositionService/RecordOpposition",
    "/msa.quotient.v1.DisclosureService/ListDisclosures",
}


def test_every_rpc_has_its_list_and_nothing_else_has() -> None:
    rpcs = {
        f"/{service.full_name}/{method.name}"
        for file in FILES
        for service in file.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    }
    assert set(ACCESS) == rpcs


def test_the_gateway_may_call_what_a_partner_s_user_may_do_only() -> None:
    assert {rpc for rpc, roles in ACCESS.items() if "gateway" in roles} == HOT_CALLS | OF_USERS


def test_nobody_but_the_gateway_may_disclose() -> None:
    assert {role for rpc in HOT_CALLS for role in ACCESS[rpc]} == {"gateway"}
