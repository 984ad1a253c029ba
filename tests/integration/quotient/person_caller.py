"""A caisse agent who answers a person about herself, and the records of families that change."""

from collections.abc import Sequence
from datetime import UTC, date, datetime

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc import error_details_pb2

from msa.quotient.v1 import dossier_service_pb2 as dossier_pb
from msa.quotient.v1 import person_service_pb2 as pb
from msa.quotient.v1.person_service_pb2_grpc import PersonServiceStub
from services.kit.status import status_of
from tests.integration.quotient.caller import BOURGOGNE, TIMEOUT_SECONDS, message, record

LONG_AGO = date(2020, 1, 1)


class PersonCaller:
    """Calls PersonService as `qf` does."""

    def __init__(self, agent: grpc.aio.Channel) -> None:
        self.stub = PersonServiceStub(agent)

    async def record(
        self, nir: str, caisse_code: str = BOURGOGNE, known_at: datetime | None = None
    ) -> pb.GetPersonRecordResponse:
        """What is kept of a person."""
        request = pb.GetPersonRecordRequest(nir=nir, caisse_code=caisse_code)
        if known_at is not None:
            request.known_at.FromDatetime(known_at)
        return await self.stub.GetPersonRecord(request, timeout=TIMEOUT_SECONDS)

    async def erase(
        self, nir: str, reference: str = "EFF-2026-7", caisse_code: str = BOURGOGNE
    ) -> pb.ErasePersonResponse:
        """Erases a person and waits for the acknowledgement."""
        request = pb.ErasePersonRequest(nir=nir, caisse_code=caisse_code, reference=reference)
        return await self.stub.ErasePerson(request, timeout=TIMEOUT_SECONDS)


def numero(nir: str) -> str:
    """The numéro of the dossier that `family` publishes."""
    return f"Q{nir[:13]}"


def family(
    *nirs: str,
    of: str = "",
    closed_from: date | None = None,
    complete: bool = False,
    qf: dossier_pb.QuotientPeriod | None = None,
) -> dossier_pb.DossierRecord:
    """The dossier of the first, or that numbered after `of`, held by all; by nobody else where it is `complete`."""
    first, *others = nirs
    published = record(first, numero=numero(of or first), qf=qf)
    published.other_nirs.extend(others)
    published.holders_complete = complete
    if closed_from:
        published.closed_from.CopyFrom(message(closed_from))
    return published


def amounts(dossier: pb.HeldDossier) -> list[int]:
    """The amounts of all QFs of a dossier that are told, in order."""
    return [known.period.amount_cents for known in dossier.periods]


def kept(response: pb.ErasePersonResponse) -> dict[str, int]:
    """How much stays, by kind."""
    return {
        pb.KeptDataKind.Name(each.kind).removeprefix("KEPT_DATA_KIND_"): each.item_count
        for each in response.kept
    }


def instant(stamp: Timestamp) -> datetime:
    """An instant that travelled."""
    return stamp.ToDatetime(UTC)


def numeros(response: pb.GetPersonRecordResponse) -> Sequence[str]:
    """The dossiers that a record tells of."""
    return [dossier.numero_dossier for dossier in response.dossiers]


def violated_fields(error: grpc.aio.AioRpcError) -> list[str]:
    """The fields that a refusal names."""
    bad_request = error_details_pb2.BadRequest()
    assert any(detail.Unpack(bad_request) for detail in status_of(error).details)
    return [violation.field for violation in bad_request.field_violations]
