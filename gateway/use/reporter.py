"""Tells identity how accounts are used, beside the consultations and never in their way (art. 7-2)."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import islice

import structlog

from msa.identity.v1 import use_service_pb2 as pb
from msa.identity.v1.use_service_pb2_grpc import UseServiceStub
from services.kit.client import Upstream
from services.kit.errors import DependencyUnavailable, Reason
from services.kit.periodic import attempt, periodic
from services.kit.status import PeerError, reason_in
from services.kit.telemetry import current_traceparent, trace_id_of

EVERY_SECONDS = 1.0
# Where all of them are unusual at once, each is a few statements.
MAXIMUM_BATCH_SIZE = 100
# Nobody waits for it; a report that is cut short is judged again from its beginning.
_TIMEOUT_SECONDS = 5.0
# Of accounts and their networks. Beyond, a network that is new is counted as unknown: accounts are as many as users.
MAXIMUM_KEYS = 20_000
_RPC = "msa.identity.v1.UseService/RecordUse"
_UNKNOWN_NETWORK = ""
_log = structlog.get_logger()


@dataclass
class _Count:
    consultations: int = 0
    not_found: int = 0
    traceparent: str = ""
    """Of the last of them."""


_Key = tuple[str, str]


class UseReporter:
    """Adds up consultations by account and network, and tells identity of them once a second.

    What could not be told is told again. An answer that was lost on its way has its counts told twice; a gateway that
    is killed takes those of its last second with it.
    """

    def __init__(self, identity: Upstream) -> None:
        self._identity = identity
        self._stub = UseServiceStub(identity.channel)
        self._waiting: dict[_Key, _Count] = {}
        self._is_behind = False

    def note(self, account_id: str, network_prefix: str, *, not_found: bool) -> None:
        """Counts a consultation that was answered, and whether it met nobody known.

        A count is of many calls: what comes of it is led back to the last one, by its trace.
        """
        count = self._count((account_id, network_prefix))
        count.consultations += 1
        count.not_found += int(not_found)
        count.traceparent = current_traceparent()

    @asynccontextmanager
    async def reporting(self, every_seconds: float = EVERY_SECONDS) -> AsyncIterator[None]:
        """Tells identity again and again until the block ends, and then a last time."""
        try:
            async with periodic(self.send, every_seconds, "report_use", traced=False):
                yield
        finally:
            await attempt(self.send, "report_use")
            if self._waiting:
                _log.error("use_not_reported", consultations=self._consultations())

    async def send(self) -> None:
        """Tells identity what was noted; what identity does not take waits on."""
        for _ in range(-(-len(self._waiting) // MAXIMUM_BATCH_SIZE)):
            batch = dict(islice(self._waiting.items(), MAXIMUM_BATCH_SIZE))
            for key in batch:
                del self._waiting[key]
            if not await self._is_told(batch):
                return

    async def _is_told(self, batch: Mapping[_Key, _Count]) -> bool:
        try:
            await self._identity.call(_RPC, self._stub.RecordUse, _request(batch), _TIMEOUT_SECONDS)
        except (DependencyUnavailable, PeerError) as error:
            if isinstance(error, PeerError) and reason_in(error.status) is Reason.INVALID_FIELD:
                # Told again, it would be refused again.
                _log.error("use_report_refused", consultations=_sum(batch))
                return True
            self._keep(batch)
            if not self._is_behind:
                _log.warning("use_report_behind", consultations=self._consultations())
            self._is_behind = True
            return False
        except BaseException:
            self._keep(batch)
            raise
        if self._is_behind:
            _log.info("use_report_caught_up")
        self._is_behind = False
        return True

    def _keep(self, batch: Mapping[_Key, _Count]) -> None:
        for key, kept in batch.items():
            count = self._count(key)
            count.consultations += kept.consultations
            count.not_found += kept.not_found
            # Where there is one already, it was noted since.
            count.traceparent = count.traceparent or kept.traceparent

    def _count(self, key: _Key) -> _Count:
        if key not in self._waiting and len(self._waiting) >= MAXIMUM_KEYS:
            key = (key[0], _UNKNOWN_NETWORK)
        return self._waiting.setdefault(key, _Count())

    def _consultations(self) -> int:
        return _sum(self._waiting)


def _sum(counts: Mapping[_Key, _Count]) -> int:
    return sum(count.consultations for count in counts.values())


def _request(batch: Mapping[_Key, _Count]) -> pb.RecordUseRequest:
    return pb.RecordUseRequest(
        counts=[
            pb.UseCount(
                account_id=account_id,
                network_prefix=network_prefix,
                consultation_count=count.consultations,
                not_found_count=count.not_found,
                trace_id=trace_id_of(count.traceparent),
            )
            for (account_id, network_prefix), count in batch.items()
        ]
    )
