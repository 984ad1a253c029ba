"""`msa.quotient.v1.JournalService`: protobuf in, protobuf out."""

from collections.abc import AsyncIterator
from datetime import date

from google.type.date_pb2 import Date

from msa.quotient.v1 import disclosure_service_pb2 as disclosure_pb
from msa.quotient.v1 import journal_service_pb2 as pb
from msa.quotient.v1.journal_service_pb2_grpc import JournalServiceServicer
from services.kit.identifiers import parse_uuid
from services.kit.messages import to_date, to_timestamp
from services.quotient.disclosures.domain import read_month
from services.quotient.fields import read_caisse_code, read_day
from services.quotient.journal.domain import ExportedLeaf, LeafKind, SealedCheckpoint
from services.quotient.journal.exporting import JournalExporter
from services.quotient.journal.service import JournalService
from services.quotient.reports.domain import ConsultationCount
from services.quotient.reports.service import ReportService
from services.quotient.retention.domain import read_retention_months
from services.quotient.retention.service import RetentionService


class JournalHandler(JournalServiceServicer):
    """The journal as evidence, how long it is kept, and what is counted in it."""

    def __init__(
        self,
        service: JournalService,
        exporter: JournalExporter,
        retention: RetentionService,
        reports: ReportService,
    ) -> None:
        self._service = service
        self._exporter = exporter
        self._retention = retention
        self._reports = reports

    async def GetCheckpoint(
        self, request: pb.GetCheckpointRequest, context: object
    ) -> pb.GetCheckpointResponse:
        """The newest checkpoint, and the key that verifies it."""
        checkpoint = await self._service.newest_checkpoint()
        return pb.GetCheckpointResponse(
            checkpoint=_checkpoint(checkpoint), verifier_key=str(self._service.verifier_key)
        )

    async def GetInclusionProof(
        self, request: pb.GetInclusionProofRequest, context: object
    ) -> pb.GetInclusionProofResponse:
        """That a line is in the tree."""
        proof = await self._service.prove_inclusion(parse_uuid("consultation_id", request.consultation_id))
        return pb.GetInclusionProofResponse(
            leaf_index=proof.leaf_index,
            leaf=proof.leaf,
            hashes=proof.hashes,
            checkpoint=_checkpoint(proof.checkpoint),
        )

    async def GetConsistencyProof(
        self, request: pb.GetConsistencyProofRequest, context: object
    ) -> pb.GetConsistencyProofResponse:
        """That a tree begins with an earlier one."""
        proof = await self._service.prove_consistency(request.first_tree_size, request.second_tree_size)
        return pb.GetConsistencyProofResponse(
            hashes=proof.hashes,
            second_tree_size=proof.second_tree_size,
            checkpoint=_checkpoint(proof.checkpoint),
        )

    async def ExportJournal(
        self, request: pb.ExportJournalRequest, context: object
    ) -> AsyncIterator[pb.ExportJournalResponse]:
        """Every leaf of the tree; those of the caisse as they were hashed."""
        caisse_code = read_caisse_code("caisse_code", request.caisse_code)
        export = await self._exporter.export(caisse_code, request.first_leaf_index)
        yield pb.ExportJournalResponse(checkpoint=_checkpoint(export.checkpoint))
        async for leaves in export.chunks:
            yield pb.ExportJournalResponse(leaves=[_leaf(leaf) for leaf in leaves])

    async def TimestampCheckpoint(
        self, request: pb.TimestampCheckpointRequest, context: object
    ) -> pb.TimestampCheckpointResponse:
        """The newest checkpoint, time-stamped."""
        return pb.TimestampCheckpointResponse(checkpoint=_checkpoint(await self._service.timestamp()))

    async def GetRetention(self, request: pb.GetRetentionRequest, context: object) -> pb.GetRetentionResponse:
        """How long a caisse keeps its lines."""
        months = await self._retention.months(read_caisse_code("caisse_code", request.caisse_code))
        return pb.GetRetentionResponse(months=months)

    async def SetRetention(self, request: pb.SetRetentionRequest, context: object) -> pb.SetRetentionResponse:
        """Sets how long a caisse keeps its lines."""
        months = await self._retention.set_months(
            read_caisse_code("caisse_code", request.caisse_code),
            read_retention_months("months", request.months),
        )
        return pb.SetRetentionResponse(months=months)

    async def GetConsultationReport(
        self, request: pb.GetConsultationReportRequest, context: object
    ) -> pb.GetConsultationReportResponse:
        """How often what was consulted."""
        counts = await self._reports.counts(
            read_caisse_code("caisse_code", request.caisse_code),
            _month("first_month", request.first_month),
            _month("last_month", request.last_month),
        )
        return pb.GetConsultationReportResponse(counts=[_count(count) for count in counts])


def _checkpoint(checkpoint: SealedCheckpoint) -> pb.Checkpoint:
    return pb.Checkpoint(
        tree_size=checkpoint.tree_size,
        root_hash=checkpoint.root_hash,
        seal_time=to_timestamp(checkpoint.seal_time),
        note=checkpoint.note,
        timestamp_token=checkpoint.timestamp_token or b"",
    )


def _month(field: str, message: Date) -> date:
    return read_month(field, read_day(field, message.year, message.month, message.day))


def _count(count: ConsultationCount) -> pb.ConsultationCount:
    return pb.ConsultationCount(
        month=to_date(count.month),
        partner_id=str(count.partner_id),
        purpose=disclosure_pb.Purpose.ValueType(count.purpose),
        outcome=disclosure_pb.DisclosureOutcome.ValueType(count.outcome),
        consultation_count=count.consultation_count,
    )


def _leaf(leaf: ExportedLeaf) -> pb.JournalLeaf:
    """What is missing has no content."""
    match leaf.kind:
        case LeafKind.LINE:
            return pb.JournalLeaf(line=leaf.content)
        case LeafKind.OTHER_CAISSE:
            return pb.JournalLeaf(other_caisse_hash=leaf.content)
        case LeafKind.PURGED:
            return pb.JournalLeaf(purged_hash=leaf.content)
        case LeafKind.MISSING:
            return pb.JournalLeaf()
