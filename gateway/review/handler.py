"""`msa.gateway.v1.ConsultationService`: protobuf ↔ domain."""

from typing import Any

from gateway.metadata import ReplyNotice, client_context, session_token
from gateway.review.domain import PastConsultation, UserName
from gateway.review.service import Review
from msa.gateway.v1 import consultation_service_pb2 as pb
from msa.gateway.v1 import quotient_service_pb2 as quotient_pb
from msa.gateway.v1.consultation_service_pb2_grpc import ConsultationServiceServicer
from services.kit.messages import to_timestamp


class ConsultationHandler(ConsultationServiceServicer):
    """A partner's own consultations."""

    def __init__(self, review: Review) -> None:
        self._review = review

    async def ListConsultations(
        self, request: pb.ListConsultationsRequest, context: Any
    ) -> pb.ListConsultationsResponse:
        """See the proto."""
        review = await self._review.page(
            session_token(context),
            client_context(context),
            ReplyNotice(),
            whole_partner=request.whole_partner,
            page_size=request.page_size,
            page_token=request.page_token,
        )
        return pb.ListConsultationsResponse(
            consultations=[_consultation(each, review.name(each)) for each in review.page.consultations],
            next_page_token=review.page.next_page_token,
        )


def _consultation(consultation: PastConsultation, name: UserName) -> pb.Consultation:
    return pb.Consultation(
        consultation_id=consultation.consultation_id,
        consult_time=to_timestamp(consultation.consult_time),
        month=f"{consultation.month:%Y-%m}",
        purpose=quotient_pb.Purpose.ValueType(consultation.purpose),
        purpose_text=consultation.purpose_text,
        case_reference=consultation.case_reference,
        outcome=quotient_pb.Outcome.ValueType(consultation.outcome),
        user=pb.ConsultingUser(
            habilitation_id=consultation.habilitation_id, nom=name.nom, prenom=name.prenom
        ),
    )
