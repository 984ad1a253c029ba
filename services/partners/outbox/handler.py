"""msa.partners.v1.OutboxService ↔ the use cases."""

from datetime import date

from msa.partners.v1 import outbox_service_pb2 as pb
from msa.partners.v1 import outbox_service_pb2_grpc as rpc
from services.kit.identifiers import parse_uuid
from services.kit.messages import to_timestamp
from services.partners.deadlines.translation import deadline_message
from services.partners.outbox.domain import Message
from services.partners.outbox.service import OutboxService


class OutboxHandler(rpc.OutboxServiceServicer):
    """OutboxService."""

    def __init__(self, service: OutboxService) -> None:
        self._service = service

    async def LeaseMessages(
        self, request: pb.LeaseMessagesRequest, context: object
    ) -> pb.LeaseMessagesResponse:
        """Takes messages that nobody holds."""
        lease = request.lease.seconds + request.lease.nanos / 1e9 if request.HasField("lease") else None
        leased = await self._service.lease(request.maximum, lease)
        return pb.LeaseMessagesResponse(
            messages=[_message(message, leased.today) for message in leased.messages]
        )

    async def AcknowledgeMessages(
        self, request: pb.AcknowledgeMessagesRequest, context: object
    ) -> pb.AcknowledgeMessagesResponse:
        """Says that messages were delivered."""
        message_ids = [parse_uuid(f"message_ids[{n}]", text) for n, text in enumerate(request.message_ids)]
        await self._service.acknowledge(message_ids)
        return pb.AcknowledgeMessagesResponse()


def _message(message: Message, today: date) -> pb.Message:
    return pb.Message(
        message_id=str(message.message_id),
        caisse_code=message.caisse_code,
        audience=pb.Audience.Value(f"AUDIENCE_{message.audience}"),
        recipient_email=message.recipient_email,
        deadline=deadline_message(message.deadline, today),
        days_before=message.days_before,
        create_time=to_timestamp(message.create_time),
    )
