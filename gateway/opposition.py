"""The gateway's lock of the opposition (art. 6-3, annexe 1).

The other one stands in the statement by which quotient discloses; each holds alone.
"""

from collections.abc import Iterable

from gateway.domain import Disclosure, OppositionScope, Outcome, Right


def is_opposed(scopes: Iterable[OppositionScope], right: Right) -> bool:
    """Whether a standing opposition reaches this partner: through the caisse (all), or itself (annexe 1)."""
    return any(
        scope.caisse_code == right.caisse_code and scope.partner_id in ("", right.partner_id)
        for scope in scopes
    )


def withheld(disclosure: Disclosure) -> Disclosure:
    """What is shown of an opposed consultation: that it is opposed (art. 6-3), whatever was disclosed to us.

    A person without a dossier at this caisse stays not found: "not yours" and "unknown" look the same (N6). So does a
    month that nobody may ask for: it says nothing of anybody.
    """
    said_of_nobody = disclosure.outcome in (Outcome.NOT_FOUND, Outcome.OUTSIDE_WINDOW)
    return Disclosure(disclosure.outcome if said_of_nobody else Outcome.OPPOSED, disclosure.consultation_id)
