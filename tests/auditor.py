"""An auditor at work: keeps checkpoints, asks for proofs and exports, and believes nothing that he did not verify."""

import asyncio
from collections.abc import Sequence
from time import monotonic

import grpc

from msa.quotient.v1 import journal_service_pb2 as pb
from msa.quotient.v1.journal_service_pb2_grpc import JournalServiceStub
from services.kit.clock import SystemClock
from services.kit.transparency.export import MISSING, ExportHeader, other_caisse_entry, purged_entry
from services.kit.transparency.merkle import leaf_hash, verify_consistency, verify_inclusion
from services.kit.transparency.signed_note import Checkpoint, VerifierKey, open_checkpoint
from services.kit.transparency.verification import Finding, SignedHead, verify_export
from tests.caisse import BOURGOGNE

SEALED_WITHIN_SECONDS = 10.0
POLL_SECONDS = 0.02


class Auditor:
    """Asks over `channel`, and trusts the key that he was handed once."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.journal = JournalServiceStub(channel)
        self._key: VerifierKey | None = None

    async def key(self) -> VerifierKey:
        """The key of the journal."""
        if self._key is None:
            answer = await self.journal.GetCheckpoint(pb.GetCheckpointRequest())
            self._key = VerifierKey.parse(answer.verifier_key)
        return self._key

    async def checkpoint(self) -> Checkpoint:
        """The newest checkpoint, verified."""
        answer = await self.journal.GetCheckpoint(pb.GetCheckpointRequest())
        return open_checkpoint(answer.checkpoint.note, await self.key())

    async def prove(self, consultation_id: str) -> pb.GetInclusionProofResponse:
        """The proof of a sealed line, verified. Raises ProofRefused, or AioRpcError where it is not sealed."""
        request = pb.GetInclusionProofRequest(consultation_id=consultation_id)
        proof = await self.journal.GetInclusionProof(request)
        head = open_checkpoint(proof.checkpoint.note, await self.key())
        verify_inclusion(
            leaf_hash(proof.leaf), proof.leaf_index, head.tree_size, list(proof.hashes), head.root_hash
        )
        return proof

    async def require_consistent(self, earlier: Checkpoint, later: Checkpoint) -> None:
        """Raises ProofRefused unless the later tree begins with the earlier one."""
        request = pb.GetConsistencyProofRequest(
            first_tree_size=earlier.tree_size, second_tree_size=later.tree_size
        )
        proof = await self.journal.GetConsistencyProof(request)
        verify_consistency(
            earlier.tree_size, later.tree_size, earlier.root_hash, later.root_hash, list(proof.hashes)
        )

    async def wait_until_sealed(self, *consultation_ids: str) -> float:
        """Returns when each of these lines is proved, with the seconds that it took."""
        begin = monotonic()
        async with asyncio.timeout(SEALED_WITHIN_SECONDS):
            for consultation_id in consultation_ids:
                while not await self._is_sealed(consultation_id):  # noqa: ASYNC110 - only the server knows
                    await asyncio.sleep(POLL_SECONDS)
        return monotonic() - begin

    async def leaves(self, caisse_code: str = BOURGOGNE, first_leaf_index: int = 0) -> list[pb.JournalLeaf]:
        """What is exported of a caisse."""
        request = pb.ExportJournalRequest(caisse_code=caisse_code, first_leaf_index=first_leaf_index)
        return [leaf async for answer in self.journal.ExportJournal(request) for leaf in answer.leaves]

    async def findings(
        self, kept: Sequence[Checkpoint] = (), caisse_code: str = BOURGOGNE
    ) -> Sequence[Finding]:
        """What the verifier finds in an export of a caisse, with checkpoints that were kept from before."""
        answers = [
            answer
            async for answer in self.journal.ExportJournal(pb.ExportJournalRequest(caisse_code=caisse_code))
        ]
        own = open_checkpoint(answers[0].checkpoint.note, await self.key())
        now = SystemClock().now()
        lines = [
            ExportHeader(own.origin, own.tree_size, caisse_code, now).encode() + b"\n",
            *(_entry(leaf) + b"\n" for answer in answers for leaf in answer.leaves),
        ]
        heads = [SignedHead(f"kept {checkpoint.tree_size}", checkpoint) for checkpoint in kept]
        return verify_export(lines, SignedHead("the export's checkpoint", own), heads, now).findings

    async def _is_sealed(self, consultation_id: str) -> bool:
        try:
            await self.prove(consultation_id)
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.NOT_FOUND:
                raise
            return False
        return True


def _entry(leaf: pb.JournalLeaf) -> bytes:
    match leaf.WhichOneof("content"):
        case "line":
            return leaf.line
        case "other_caisse_hash":
            return other_caisse_entry(leaf.other_caisse_hash)
        case "purged_hash":
            return purged_entry(leaf.purged_hash)
        case _:
            return MISSING
