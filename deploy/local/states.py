"""What may stand in the way of a partner's user, and what its software meets then."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from services.kit.errors import Reason


class State(StrEnum):
    """How a demo user stands; each but the first is what a partner's software must cope with one day."""

    ORDINARY = "ordinary"
    MANAGER = "manager"
    HABILITATION_WITHDRAWN = "habilitation_withdrawn"
    USER_SUSPENDED = "user_suspended"
    PARTNER_SUSPENDED = "partner_suspended"
    CONVENTION_ENDED = "convention_ended"
    SECOND_FACTOR_REQUIRED = "second_factor_required"
    NETWORK_NOT_ALLOWED = "network_not_allowed"
    CLIENT_CERTIFICATE_REQUIRED = "client_certificate_required"
    USE_SUSPENDED = "use_suspended"
    CASE_REFERENCE_REQUIRED = "case_reference_required"
    CAISSE_IN_MAINTENANCE = "caisse_in_maintenance"


class RefusedCall(StrEnum):
    """Where a user is refused: at once, or when he consults after he has replaced the temporary password."""

    NONE = ""
    SIGN_IN = "sign_in"
    CONSULTATION = "consultation"


@dataclass(frozen=True)
class Expectation:
    """The call that is refused and its reason; both empty where none is."""

    refused_call: RefusedCall = RefusedCall.NONE
    reason: Reason | None = None


def _sign_in(reason: Reason) -> Expectation:
    return Expectation(RefusedCall.SIGN_IN, reason)


def _consultation(reason: Reason) -> Expectation:
    return Expectation(RefusedCall.CONSULTATION, reason)


EXPECTATIONS: Mapping[State, Expectation] = {
    State.ORDINARY: Expectation(),
    State.MANAGER: Expectation(),
    # With the habilitation the account ends.
    State.HABILITATION_WITHDRAWN: _sign_in(Reason.CREDENTIALS_REFUSED),
    State.USER_SUSPENDED: _consultation(Reason.USER_SUSPENDED),
    State.PARTNER_SUSPENDED: _consultation(Reason.PARTNER_SUSPENDED),
    State.CONVENTION_ENDED: _consultation(Reason.CONVENTION_NOT_IN_FORCE),
    State.SECOND_FACTOR_REQUIRED: _consultation(Reason.SECOND_FACTOR_ENROLMENT_REQUIRED),
    State.NETWORK_NOT_ALLOWED: _sign_in(Reason.NETWORK_NOT_ALLOWED),
    State.CLIENT_CERTIFICATE_REQUIRED: _sign_in(Reason.CLIENT_CERTIFICATE_REQUIRED),
    State.USE_SUSPENDED: _consultation(Reason.USE_SUSPENDED),
    # Unless the consultation carries one.
    State.CASE_REFERENCE_REQUIRED: _consultation(Reason.INVALID_FIELD),
    State.CAISSE_IN_MAINTENANCE: _consultation(Reason.MAINTENANCE),
}
