"""Who may call what: method → roles. A method that is not here is refused to everyone."""

from services.kit.server import AccessTable

_AGENT_TOOLS = frozenset({"agent_tools"})
_GATEWAY = frozenset({"gateway"})

ACCESS: AccessTable = {
    "/msa.partners.v1.CaisseService/ListCaisses": _AGENT_TOOLS,
    "/msa.partners.v1.PartnerService/RegisterPartner": _AGENT_TOOLS,
    "/msa.partners.v1.PartnerService/GetPartner": _AGENT_TOOLS,
    "/msa.partners.v1.PartnerService/ListPartners": _AGENT_TOOLS,
    "/msa.partners.v1.PartnerService/SuspendPartner": _AGENT_TOOLS,
    "/msa.partners.v1.PartnerService/LiftSuspension": _AGENT_TOOLS,
    "/msa.partners.v1.ConventionService/RegisterConvention": _AGENT_TOOLS,
    "/msa.partners.v1.ConventionService/RecordCnilDeclaration": _AGENT_TOOLS,
    "/msa.partners.v1.ConventionService/GetConvention": _AGENT_TOOLS,
    "/msa.partners.v1.ConventionService/EndConvention": _AGENT_TOOLS,
    "/msa.partners.v1.HabilitationService/RegisterHabilitation": _AGENT_TOOLS,
    "/msa.partners.v1.HabilitationService/GetHabilitation": _AGENT_TOOLS,
    "/msa.partners.v1.HabilitationService/ListHabilitations": _AGENT_TOOLS,
    "/msa.partners.v1.HabilitationService/WithdrawHabilitation": _AGENT_TOOLS,
    "/msa.partners.v1.HabilitationService/Authorize": _GATEWAY,
}
