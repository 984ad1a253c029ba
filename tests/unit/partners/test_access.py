from msa.partners.v1 import convention_service_pb2, habilitation_service_pb2, partner_service_pb2
from services.partners.access import ACCESS

FILES = (convention_service_pb2, habilitation_service_pb2, partner_service_pb2)


def test_every_rpc_says_who_may_call_it() -> None:
    methods = {
        f"/{service.full_name}/{method.name}"
        for file in FILES
        for service in file.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    }
    assert set(ACCESS) == methods


def test_the_gateway_may_authorize_and_nothing_else() -> None:
    admitted = {method for method, roles in ACCESS.items() if "gateway" in roles}
    assert admitted == {"/msa.partners.v1.HabilitationService/Authorize"}
    assert all(roles in ({"gateway"}, {"agent_tools"}) for roles in ACCESS.values())
