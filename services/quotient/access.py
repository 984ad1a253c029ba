"""Who may call what: the gateway what a partner's user may do, operators the keys, caisse agents the rest."""

from services.kit.server import AccessTable

_GATEWAY = frozenset({"gateway"})
_AGENT_TOOLS = frozenset({"agent_tools"})
_OPERATORS = frozenset({"operators"})
# A partner's user records an opposition that he was told, and sees his own lines (annexe 1, art. 6-1).
_GATEWAY_TOO = _GATEWAY | _AGENT_TOOLS

ACCESS: AccessTable = {
    "/msa.quotient.v1.DossierService/PublishDossiers": _AGENT_TOOLS,
    "/msa.quotient.v1.DossierService/BeginPublication": _AGENT_TOOLS,
    "/msa.quotient.v1.DossierService/FinishPublication": _AGENT_TOOLS,
    "/msa.quotient.v1.DossierService/ListPublications": _AGENT_TOOLS,
    "/msa.quotient.v1.OppositionService/RecordOpposition": _GATEWAY_TOO,
    "/msa.quotient.v1.OppositionService/WithdrawOpposition": _AGENT_TOOLS,
    "/msa.quotient.v1.OppositionService/ListOppositions": _AGENT_TOOLS,
    "/msa.quotient.v1.OppositionService/ImportOppositions": _AGENT_TOOLS,
    "/msa.quotient.v1.OppositionService/CheckOppositions": _GATEWAY,
    "/msa.quotient.v1.DisclosureService/Disclose": _GATEWAY,
    "/msa.quotient.v1.DisclosureService/ListDisclosures": _GATEWAY_TOO,
    "/msa.quotient.v1.PersonService/GetPersonRecord": _AGENT_TOOLS,
    "/msa.quotient.v1.PersonService/ErasePerson": _AGENT_TOOLS,
    "/msa.quotient.v1.JournalService/GetCheckpoint": _AGENT_TOOLS,
    "/msa.quotient.v1.JournalService/GetInclusionProof": _AGENT_TOOLS,
    "/msa.quotient.v1.JournalService/GetConsistencyProof": _AGENT_TOOLS,
    "/msa.quotient.v1.JournalService/ExportJournal": _AGENT_TOOLS,
    "/msa.quotient.v1.JournalService/TimestampCheckpoint": _AGENT_TOOLS,
    "/msa.quotient.v1.JournalService/GetRetention": _AGENT_TOOLS,
    "/msa.quotient.v1.JournalService/SetRetention": _AGENT_TOOLS,
    "/msa.quotient.v1.JournalService/GetConsultationReport": _AGENT_TOOLS,
    "/msa.quotient.v1.KeyService/GetKeys": _OPERATORS,
    "/msa.quotient.v1.KeyService/RotateKeys": _OPERATORS,
}
