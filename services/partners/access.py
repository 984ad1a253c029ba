"""Who may call what: method → roles. A method that is not here is refused to everyone.

Internal systems (`agent_tools`) and agents with a certificate of their own (`agents`) may call the same; whether the
agent who acts is habilitated is asked of the register with each act (art. 4-1).
"""

from services.kit.server import AccessTable

_CAISSE = frozenset({"agent_tools", "agents"})
_OPERATORS = frozenset({"operators"})
_GATEWAY = frozenset({"gateway"})
_MAILER = frozenset({"mailer"})

ACCESS: AccessTable = {
    "/msa.partners.v1.CaisseService/ListCaisses": _CAISSE,
    "/msa.partners.v1.CaisseAgentService/AppointDirector": _OPERATORS,
    "/msa.partners.v1.CaisseAgentService/HabilitateAgent": _CAISSE,
    "/msa.partners.v1.CaisseAgentService/WithdrawAgent": _CAISSE,
    "/msa.partners.v1.CaisseAgentService/ListAgents": _CAISSE,
    "/msa.partners.v1.PartnerService/RegisterPartner": _CAISSE,
    "/msa.partners.v1.PartnerService/UpdatePartner": _CAISSE,
    "/msa.partners.v1.PartnerService/ChangeSeat": _CAISSE,
    "/msa.partners.v1.PartnerService/GetPartner": _CAISSE,
    "/msa.partners.v1.PartnerService/ListPartners": _CAISSE,
    "/msa.partners.v1.PartnerService/SuspendPartner": _CAISSE,
    "/msa.partners.v1.PartnerService/LiftSuspension": _CAISSE,
    "/msa.partners.v1.ConventionService/DraftConvention": _CAISSE,
    "/msa.partners.v1.ConventionService/RegisterConvention": _CAISSE,
    "/msa.partners.v1.ConventionService/RecordFact": _CAISSE,
    "/msa.partners.v1.ConventionService/AnnulFact": _CAISSE,
    "/msa.partners.v1.ConventionService/RecordCnilDeclaration": _CAISSE,
    "/msa.partners.v1.ConventionService/GetConvention": _CAISSE,
    "/msa.partners.v1.ConventionService/ListConventions": _CAISSE,
    "/msa.partners.v1.ConventionService/EndConvention": _CAISSE,
    "/msa.partners.v1.AccessRequestService/ReceiveAccessRequest": _CAISSE,
    "/msa.partners.v1.AccessRequestService/CompleteAccessRequest": _CAISSE,
    "/msa.partners.v1.AccessRequestService/AcceptAccessRequest": _CAISSE,
    "/msa.partners.v1.AccessRequestService/RefuseAccessRequest": _CAISSE,
    "/msa.partners.v1.AccessRequestService/GetAccessRequest": _CAISSE,
    "/msa.partners.v1.AccessRequestService/ListAccessRequests": _CAISSE,
    "/msa.partners.v1.HabilitationService/RegisterHabilitation": _CAISSE,
    "/msa.partners.v1.HabilitationService/GetHabilitation": _CAISSE | _MAILER,
    "/msa.partners.v1.HabilitationService/ListHabilitations": _CAISSE,
    "/msa.partners.v1.HabilitationService/WithdrawHabilitation": _CAISSE,
    "/msa.partners.v1.HabilitationService/SuspendHabilitation": _CAISSE,
    "/msa.partners.v1.HabilitationService/LiftHabilitationSuspension": _CAISSE,
    "/msa.partners.v1.HabilitationService/ConfirmHabilitations": _CAISSE,
    "/msa.partners.v1.HabilitationService/ListBouquets": _CAISSE,
    "/msa.partners.v1.HabilitationService/Authorize": _GATEWAY,
    "/msa.partners.v1.HabilitationService/NameUsers": _GATEWAY,
    "/msa.partners.v1.CaisseSettingsService/GetCaisseSettings": _CAISSE,
    "/msa.partners.v1.CaisseSettingsService/SetCaisseSettings": _CAISSE,
    "/msa.partners.v1.CaisseSettingsService/PlanMaintenance": _CAISSE,
    "/msa.partners.v1.CaisseSettingsService/CancelMaintenance": _CAISSE,
    "/msa.partners.v1.CaisseSettingsService/ListMaintenances": _CAISSE,
    "/msa.partners.v1.CaisseSettingsService/ListCaisseAvailabilities": _GATEWAY,
    "/msa.partners.v1.HistoryService/ListEvents": _CAISSE,
    "/msa.partners.v1.DeadlineService/ListDeadlines": _CAISSE,
    "/msa.partners.v1.DeadlineService/GetDeadlineCalendar": _CAISSE,
    "/msa.partners.v1.OutboxService/LeaseMessages": _MAILER,
    "/msa.partners.v1.OutboxService/AcknowledgeMessages": _MAILER,
}
