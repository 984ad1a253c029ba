"""Suspensions ↔ protobuf."""

from collections.abc import Mapping

from msa.partners.v1 import habilitation_service_pb2 as habilitation_pb
from msa.partners.v1 import partner_service_pb2 as partner_pb
from services.kit.messages import to_date, to_timestamp
from services.partners.fields import invalid
from services.partners.messages import optional_day_in
from services.partners.suspensions.domain import (
    Suspension,
    SuspensionKind,
    SuspensionOrder,
    suspension_order,
)

_KINDS: Mapping[int, SuspensionKind] = {
    habilitation_pb.SUSPENSION_KIND_UNSPECIFIED: SuspensionKind.TEMPORARY,
    habilitation_pb.SUSPENSION_KIND_TEMPORARY: SuspensionKind.TEMPORARY,
    habilitation_pb.SUSPENSION_KIND_DEFINITIVE: SuspensionKind.DEFINITIVE,
}


def order_in(
    request: partner_pb.SuspendPartnerRequest | habilitation_pb.SuspendHabilitationRequest,
) -> SuspensionOrder:
    """What a request orders. Raises InvalidField."""
    if request.kind not in _KINDS:
        raise invalid("kind", "SUSPENSION_KIND", "must be temporary or definitive (art. 7-2)")
    until_date = optional_day_in(request, "until_date")
    return suspension_order(_KINDS[request.kind], request.suspension_reason, until_date)


def suspension_message(suspension: Suspension | None) -> habilitation_pb.Suspension | None:
    """A suspension as it is shown; absent where there is none."""
    if suspension is None:
        return None
    return habilitation_pb.Suspension(
        suspension_id=str(suspension.suspension_id),
        kind=habilitation_pb.SuspensionKind.Value(f"SUSPENSION_KIND_{suspension.kind}"),
        suspension_reason=suspension.suspension_reason,
        suspend_time=to_timestamp(suspension.suspend_time),
        until_date=to_date(suspension.until_date),
    )
