"""`msa.identity.v1.OutboxService`: protobuf in, protobuf out."""

from msa.identity.v1 import outbox_service_pb2 as pb
from msa.identity.v1.outbox_service_pb2_grpc import OutboxServiceServicer
from services.identity.outbox.domain import DormancyWarning, Message
from services.identity.outbox.service import OutboxService
from services.identity.use.domain import UnusualUse
from services.identity.use.handler import unusual_use_message
from services.kit.identifiers import parse_uuid
from services.kit.messages import to_date, to_timestamp


class OutboxHandler(OutboxServiceServicer):
    """The outbox."""

    def __init__(self, service: OutboxService) -> None:
        self._service = service

    async def LeaseMessages(
        self, request: pb.LeaseMessagesRequest, context: object
    ) -> pb.LeaseMessagesResponse:
        """Takes messages that nobody holds."""
        lease = request.lease.seconds + request.lease.nanos / 1e9 if request.HasField("lease") else None
        leased = await self._service.lease(request.maximum, lease)
        return pb.LeaseMessagesResponse(messages=map(_message, leased))

    async def AcknowledgeMessages(
        self, request: pb.AcknowledgeMessagesRequest, context: object
    ) -> pb.AcknowledgeMessagesResponse:
        """Says that messages were delivered."""
        await self._service.acknowledge(
            [parse_uuid(f"message_ids[{n}]", text) for n, text in enumerate(request.message_ids)]
        )
        return pb.AcknowledgeMessagesResponse()


def _message(message: Message) -> pb.Message:
    told = pb.Message(
        message_id=str(message.message_id),
        account_id=str(message.account_id),
        habilitation_id=str(message.habilitation_id),
        create_time=to_timestamp(message.create_time),
    )
    match message.content:
        case DormancyWarning(disable_date, days_before):
            told.dormancy_warning.MergeFrom(
                pb.DormancyWarning(disable_date=to_date(disable_date), days_before=days_before)
            )
        case UnusualUse() as unusual:
            told.unusual_use.MergeFrom(unusual_use_message(unusual))
    return told
