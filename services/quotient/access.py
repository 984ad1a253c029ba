"""Who may call what: the gateway its two hot calls, caisse agents and internal systems the rest."""

from services.kit.server import AccessTable

_GATEWAY = frozenset({"gateway"})
_AGENT_TOOLS = frozenset({"agent_tools"})

ACCESS: AccessTable = {
    "/msa.quotient.v1.DossierService/PublishDossiers": _AGENT_TOOLS,
    "/msa.quotient.v1.OppositionService/RecordOpposition": _AGENT_TOOLS,
    "/msa.quotient.v1.OppositionService/WithdrawOpposition": _AGENT_TOOLS,
    "/msa.quotient.v1.OppositionService/ListOppositions": _AGENT_TOOLS,
    "/msa.quotient.v1.OppositionService/CheckOppositions": _GATEWAY,
    "/msa.quotient.v1.DisclosureService/Disclose": _GATEWAY,
    "/msa.quotient.v1.DisclosureService/ListDisclosures": _AGENT_TOOLS,
}
