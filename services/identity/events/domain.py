"""What happened to an account or a session. It names no person, login, full address or secret (N5)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class SecurityEventKind(StrEnum):
    """What happened; named as in `msa.identity.v1.SecurityEventKind`, where each is explained."""

    ACCOUNT_CREATED = "ACCOUNT_CREATED"
    SIGNED_IN = "SIGNED_IN"
    SIGN_IN_REFUSED = "SIGN_IN_REFUSED"
    ACCOUNT_LOCKED = "ACCOUNT_LOCKED"
    ACCOUNT_UNLOCKED = "ACCOUNT_UNLOCKED"
    SESSION_SUPERSEDED = "SESSION_SUPERSEDED"
    SIGNED_OUT = "SIGNED_OUT"
    SESSIONS_REVOKED = "SESSIONS_REVOKED"
    PASSWORD_CHANGED = "PASSWORD_CHANGED"
    CREDENTIAL_CHANGE_REFUSED = "CREDENTIAL_CHANGE_REFUSED"
    TEMPORARY_PASSWORD_ISSUED = "TEMPORARY_PASSWORD_ISSUED"
    ACCOUNT_DISABLED = "ACCOUNT_DISABLED"
    DORMANT_ACCOUNT_DISABLED = "DORMANT_ACCOUNT_DISABLED"
    SECOND_FACTOR_ENROLLED = "SECOND_FACTOR_ENROLLED"
    SECOND_FACTOR_REMOVED = "SECOND_FACTOR_REMOVED"
    RECOVERY_CODE_USED = "RECOVERY_CODE_USED"
    RECOVERY_CODES_RENEWED = "RECOVERY_CODES_RENEWED"
    PARTNER_POLICY_SET = "PARTNER_POLICY_SET"
    UNUSUAL_USE_NOTICED = "UNUSUAL_USE_NOTICED"
    USE_SUSPENDED = "USE_SUSPENDED"
    USE_SUSPENSION_LIFTED = "USE_SUSPENSION_LIFTED"
    USE_POLICY_SET = "USE_POLICY_SET"


@dataclass(frozen=True)
class SecurityEvent:
    """One event. What does not apply is None or empty."""

    event_id: UUID
    event_time: datetime
    kind: SecurityEventKind
    account_id: UUID | None
    session_id: UUID | None
    network_prefix: str
    """The caller's network, cut to /24 or /56."""
    device_id: UUID | None
    trace_id: str
    scope: str
    """What was concerned, where it is more than one account: "all", "caisse:21", "partner:UUID"."""
