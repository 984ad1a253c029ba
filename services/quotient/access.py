"""Who may call what: the gateway its two hot calls, operators the keys, caisse agents and internal systems the rest."""

from services.kit.server import AccessTable

_GATEWAY = frozenset({"gateway"})
_AGENT_TOOLS = frozenset({"agent_tools"})
_OPERATORS = frozenset({"operators"})

ACCESS: AccessTable = {
    "/msa.quotient.v1.DossierService/PublishDossiers": _AGENT_TOOLS,
    "/msa.quotient.v1.DossierService/BeginPublication": _AGENT_TOOLS,
    "/msa.quotient.v1.DossierService/FinishPublication": _AGENT_TOOLS,
    "/msa.quotient.v1.DossierService/ListPublications": _AGENT_TOOLS,
    "/msa.quotient.v1.OppositionService/RecordOpposition": _AGENT_TOOLS,
    "/msa.quotient.v1.OppositionService/WithdrawOpposition": _AGENT_TOOLS,
    "/msa.quotient.v1.OppositionService/ListOppositions": _AGENT_TOOLS,
    "/msa.quotient.v1.OppositionService/ImportOppositions": _AGENT_TOOLS,
    "/msa.quotient.v1.OppositionService/CheckOppositions": _GATEWAY,
    "/msa.quotient.v1.DisclosureService/Disclose": _GATEWAY,
    "/msa.quotient.v1.DisclosureService/ListDisclosures": _AGENT_TOOLS,
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
