"""Who may call what: the gateway the sessions, caisse agents the accounts (art. 4-1), a mailer the outbox.

The register of partners (`registry`) ends accounts and sessions, as its own acts demand (art. 4-4, 7-2; N3).
"""

from services.kit.server import AccessTable

_GATEWAY = frozenset({"gateway"})
_AGENT_TOOLS = frozenset({"agent_tools"})
_ENDS_ACCESS = frozenset({"agent_tools", "registry"})
_MAILER = frozenset({"mailer"})

ACCESS: AccessTable = {
    "/msa.identity.v1.SessionService/SignIn": _GATEWAY,
    "/msa.identity.v1.SessionService/ChangePassword": _GATEWAY,
    "/msa.identity.v1.SessionService/GetSession": _GATEWAY,
    "/msa.identity.v1.SessionService/SignOut": _GATEWAY,
    "/msa.identity.v1.SessionService/Authenticate": _GATEWAY,
    "/msa.identity.v1.SecondFactorService/BeginEnrolment": _GATEWAY,
    "/msa.identity.v1.SecondFactorService/ConfirmEnrolment": _GATEWAY,
    "/msa.identity.v1.SecondFactorService/RenewRecoveryCodes": _GATEWAY,
    "/msa.identity.v1.SecondFactorService/RemoveSecondFactor": _GATEWAY,
    "/msa.identity.v1.AccountService/CreateAccount": _AGENT_TOOLS,
    "/msa.identity.v1.AccountService/GetAccount": _ENDS_ACCESS,
    "/msa.identity.v1.AccountService/IssueTemporaryPassword": _AGENT_TOOLS,
    "/msa.identity.v1.AccountService/DisableAccount": _ENDS_ACCESS,
    "/msa.identity.v1.AccountService/UnlockAccount": _AGENT_TOOLS,
    "/msa.identity.v1.AccountService/RevokeSessions": _ENDS_ACCESS,
    "/msa.identity.v1.AccountService/SetPartnerPolicy": _AGENT_TOOLS,
    "/msa.identity.v1.AccountService/GetPartnerPolicy": _AGENT_TOOLS,
    "/msa.identity.v1.SecurityEventService/ListSecurityEvents": _AGENT_TOOLS,
    "/msa.identity.v1.UseService/RecordUse": _GATEWAY,
    "/msa.identity.v1.UseService/ListUnusualUses": _AGENT_TOOLS,
    "/msa.identity.v1.UseService/LiftUseSuspension": _AGENT_TOOLS,
    "/msa.identity.v1.UseService/GetUsePolicy": _AGENT_TOOLS,
    "/msa.identity.v1.UseService/SetUsePolicy": _AGENT_TOOLS,
    "/msa.identity.v1.OutboxService/LeaseMessages": _MAILER,
    "/msa.identity.v1.OutboxService/AcknowledgeMessages": _MAILER,
}
