"""The register of partners, as several commands read it."""

from cli.application import Qf
from cli.errors import UsageFailed
from msa.partners.v1 import access_request_service_pb2 as request_pb
from msa.partners.v1 import access_request_service_pb2_grpc as request_rpc
from msa.partners.v1 import caisse_agent_service_pb2 as agent_pb
from msa.partners.v1 import caisse_agent_service_pb2_grpc as agent_rpc
from msa.partners.v1 import caisse_settings_service_pb2_grpc as settings_rpc
from msa.partners.v1 import convention_service_pb2 as convention_pb
from msa.partners.v1 import convention_service_pb2_grpc as convention_rpc
from msa.partners.v1 import habilitation_service_pb2 as habilitation_pb
from msa.partners.v1 import habilitation_service_pb2_grpc as habilitation_rpc
from msa.partners.v1 import partner_service_pb2 as partner_pb
from msa.partners.v1 import partner_service_pb2_grpc as partner_rpc


def partners(qf: Qf) -> partner_rpc.PartnerServiceStub:
    """PartnerService."""
    return partner_rpc.PartnerServiceStub(qf.services.partners.channel)


def conventions(qf: Qf) -> convention_rpc.ConventionServiceStub:
    """ConventionService."""
    return convention_rpc.ConventionServiceStub(qf.services.partners.channel)


def habilitations(qf: Qf) -> habilitation_rpc.HabilitationServiceStub:
    """HabilitationService."""
    return habilitation_rpc.HabilitationServiceStub(qf.services.partners.channel)


def access_requests(qf: Qf) -> request_rpc.AccessRequestServiceStub:
    """AccessRequestService."""
    return request_rpc.AccessRequestServiceStub(qf.services.partners.channel)


def agents(qf: Qf) -> agent_rpc.CaisseAgentServiceStub:
    """CaisseAgentService."""
    return agent_rpc.CaisseAgentServiceStub(qf.services.partners.channel)


def caisse_settings(qf: Qf) -> settings_rpc.CaisseSettingsServiceStub:
    """CaisseSettingsService."""
    return settings_rpc.CaisseSettingsServiceStub(qf.services.partners.channel)


def partner(qf: Qf, partner_id: str) -> partner_pb.Partner:
    """The partner with this id. Raises CommandFailed where there is none."""
    request = partner_pb.GetPartnerRequest(partner_id=partner_id)
    return qf.services.partners.call(partners(qf).GetPartner, request).partner


def caisse(qf: Qf, caisse_code: str) -> partner_pb.Caisse:
    """The caisse with this code. Raises UsageFailed where there is none."""
    stub = partner_rpc.CaisseServiceStub(qf.services.partners.channel)
    for found in qf.services.partners.call(stub.ListCaisses, partner_pb.ListCaissesRequest()).caisses:
        if found.caisse_code == caisse_code:
            return found
    raise UsageFailed("There is no such caisse.", "`qf caisse list` tells which there are.")


def convention(qf: Qf, convention_id: str) -> convention_pb.Convention:
    """The convention with this id. Raises CommandFailed where there is none."""
    request = convention_pb.GetConventionRequest(convention_id=convention_id)
    return qf.services.partners.call(conventions(qf).GetConvention, request).convention


def habilitation(qf: Qf, habilitation_id: str) -> habilitation_pb.Habilitation:
    """The habilitation with this id. Raises CommandFailed where there is none."""
    request = habilitation_pb.GetHabilitationRequest(habilitation_id=habilitation_id)
    return qf.services.partners.call(habilitations(qf).GetHabilitation, request).habilitation


def access_request(qf: Qf, access_request_id: str) -> request_pb.AccessRequest:
    """The form with this id. Raises CommandFailed where there is none."""
    request = request_pb.GetAccessRequestRequest(access_request_id=access_request_id)
    return qf.services.partners.call(access_requests(qf).GetAccessRequest, request).access_request


def agents_page(qf: Qf, caisse: str, size: int, token: str) -> agent_pb.ListAgentsResponse:
    """A page of the agents that a caisse has and had. Raises CommandFailed."""
    request = agent_pb.ListAgentsRequest(caisse_code=caisse, page_size=size, page_token=token)
    return qf.services.partners.call(agents(qf).ListAgents, request)


def say_if_identity_waits(qf: Qf, *, told: bool) -> None:
    """Says that access ends at once, also while identity has not heard of it."""
    if not told:
        qf.output.note("Access is refused already; identity is being told.")
