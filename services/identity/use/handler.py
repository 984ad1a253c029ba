"""`msa.identity.v1.UseService`: protobuf in, protobuf out."""

from msa.identity.v1 import use_service_pb2 as pb
from msa.identity.v1.use_service_pb2_grpc import UseServiceServicer
from services.identity.use.domain import Reason, UnusualUse, UseCount, UsePolicy
from services.identity.use.service import UseService
from services.kit.etags import etag_of
from services.kit.identifiers import parse_uuid
from services.kit.messages import to_timestamp


class UseHandler(UseServiceServicer):
    """The use of accounts (art. 7-2)."""

    def __init__(self, service: UseService) -> None:
        self._service = service

    async def RecordUse(self, request: pb.RecordUseRequest, context: object) -> pb.RecordUseResponse:
        """Counts consultations and judges their accounts (art. 7-2)."""
        await self._service.record([_count(position, each) for position, each in enumerate(request.counts)])
        return pb.RecordUseResponse()

    async def ListUnusualUses(
        self, request: pb.ListUnusualUsesRequest, context: object
    ) -> pb.ListUnusualUsesResponse:
        """A page of what was unusual, newest first."""
        page = await self._service.page(
            request.caisse_code,
            parse_uuid("account_id", request.account_id) if request.account_id else None,
            request.page_size,
            request.page_token,
        )
        return pb.ListUnusualUsesResponse(
            unusual_uses=map(unusual_use_message, page.records), next_page_token=page.next_page_token
        )

    async def LiftUseSuspension(
        self, request: pb.LiftUseSuspensionRequest, context: object
    ) -> pb.LiftUseSuspensionResponse:
        """Lifts the suspension of an account (art. 7-2)."""
        lifted = await self._service.lift(parse_uuid("account_id", request.account_id))
        return pb.LiftUseSuspensionResponse(unusual_use=unusual_use_message(lifted))

    async def GetUsePolicy(self, request: pb.GetUsePolicyRequest, context: object) -> pb.GetUsePolicyResponse:
        """Shows a caisse's policy."""
        return pb.GetUsePolicyResponse(policy=_policy(await self._service.policy(request.caisse_code)))

    async def SetUsePolicy(self, request: pb.SetUsePolicyRequest, context: object) -> pb.SetUsePolicyResponse:
        """Puts a caisse's policy in force."""
        asked = request.policy
        policy = UsePolicy(
            asked.caisse_code, asked.notice_score, asked.suspension_score, asked.notices_mailed
        )
        in_force = await self._service.set_policy(policy, asked.etag)
        return pb.SetUsePolicyResponse(policy=_policy(in_force))


def _count(position: int, message: pb.UseCount) -> UseCount:
    return UseCount(
        account_id=parse_uuid(f"counts[{position}].account_id", message.account_id),
        network_prefix=message.network_prefix,
        consultation_count=message.consultation_count,
        not_found_count=message.not_found_count,
        trace_id=message.trace_id,
    )


def unusual_use_message(unusual: UnusualUse) -> pb.UnusualUse:
    """What was unusual; the outbox says it in the same words."""
    return pb.UnusualUse(
        unusual_use_id=str(unusual.unusual_use_id),
        event_time=to_timestamp(unusual.event_time),
        account_id=str(unusual.account_id),
        partner_id=str(unusual.partner_id),
        caisse_code=unusual.caisse_code,
        score=unusual.score,
        reasons=map(_reason, unusual.reasons),
        suspended=unusual.suspended,
        lift_time=to_timestamp(unusual.lift_time),
        trace_id=unusual.trace_id,
    )


def _reason(reason: Reason) -> pb.UnusualUseReason:
    return pb.UnusualUseReason(
        kind=pb.UnusualUseKind.Value(f"UNUSUAL_USE_KIND_{reason.kind}"),
        points=reason.points,
        observed_count=reason.observed_count,
        expected_count=reason.expected_count,
    )


def _policy(policy: UsePolicy) -> pb.UsePolicy:
    return pb.UsePolicy(
        caisse_code=policy.caisse_code,
        notice_score=policy.notice_score,
        suspension_score=policy.suspension_score,
        notices_mailed=policy.notices_mailed,
        etag=etag_of(policy.version),
    )
