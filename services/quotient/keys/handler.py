"""`msa.quotient.v1.KeyService`: protobuf in, protobuf out."""

from collections.abc import AsyncIterator

from msa.quotient.v1 import key_service_pb2 as pb
from msa.quotient.v1.key_service_pb2_grpc import KeyServiceServicer
from services.kit.messages import to_timestamp
from services.quotient.keys.domain import DataKey, KeyGeneration
from services.quotient.keys.service import KeyService


class KeyHandler(KeyServiceServicer):
    """Keys, for operators."""

    def __init__(self, service: KeyService) -> None:
        self._service = service

    async def GetKeys(self, request: pb.GetKeysRequest, context: object) -> pb.GetKeysResponse:
        """Which keys there are."""
        found = await self._service.overview()
        return pb.GetKeysResponse(
            person_index_keys=[_generation(key) for key in found.person_index_keys],
            wrapping_keys=[_generation(key) for key in found.wrapping_keys],
            data_keys=[_data_key(key) for key in found.data_keys],
        )

    async def RotateKeys(
        self, request: pb.RotateKeysRequest, context: object
    ) -> AsyncIterator[pb.RotateKeysResponse]:
        """Tells how far it is, batch after batch."""
        async for progress in self._service.rotate():
            yield pb.RotateKeysResponse(
                step=pb.RotationStep.ValueType(progress.step),
                done_count=progress.done_count,
                total_count=progress.total_count,
            )


def _generation(key: KeyGeneration) -> pb.KeyGeneration:
    return pb.KeyGeneration(
        generation=key.generation,
        fingerprint=key.fingerprint.hex(),
        begin_time=to_timestamp(key.begin_time),
        complete_time=to_timestamp(key.complete_time),
    )


def _data_key(key: DataKey) -> pb.DataKey:
    return pb.DataKey(
        data_key_id=key.data_key_id,
        wrapping_generation=key.wrapping_generation,
        create_time=to_timestamp(key.create_time),
        complete_time=to_timestamp(key.complete_time),
    )
