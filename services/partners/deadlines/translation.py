"""Deadlines ↔ protobuf."""

from datetime import date

from msa.partners.v1 import deadline_service_pb2 as pb
from services.kit.messages import to_date
from services.partners.deadlines.domain import Deadline


def deadline_message(deadline: Deadline, today: date) -> pb.Deadline:
    """A deadline as it is shown on the day `today`."""
    return pb.Deadline(
        kind=pb.DeadlineKind.Value(f"DEADLINE_KIND_{deadline.kind}"),
        due_date=to_date(deadline.due_date),
        days_left=deadline.days_left(today),
        partner_id=str(deadline.partner_id),
        partner_denomination=deadline.partner_denomination,
        convention_id=str(deadline.convention_id or ""),
        user_count=deadline.user_count,
        detail=deadline.detail,
        subject_id=str(deadline.subject_id),
    )
