"""Partners' `CaisseSettingsService` as the gateway sees it."""

from collections.abc import Sequence

from gateway.clients import instant
from gateway.status.domain import CaisseAvailability, MaintenanceWindow
from msa.partners.v1 import caisse_settings_service_pb2 as pb
from msa.partners.v1.caisse_settings_service_pb2_grpc import CaisseSettingsServiceStub
from services.kit.client import Upstream

_RPC = "msa.partners.v1.CaisseSettingsService/ListCaisseAvailabilities"


class CaisseClient:
    """The caisses, with their maintenances."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._stub = CaisseSettingsServiceStub(upstream.channel)

    async def availabilities(self) -> Sequence[CaisseAvailability]:
        """Every caisse, by code."""
        request = pb.ListCaisseAvailabilitiesRequest()
        reply = await self._upstream.call(_RPC, self._stub.ListCaisseAvailabilities, request)
        return [_availability(caisse) for caisse in reply.caisses]


def _availability(message: pb.CaisseAvailability) -> CaisseAvailability:
    return CaisseAvailability(
        message.caisse_code, message.name, [_window(window) for window in message.maintenances]
    )


def _window(message: pb.Maintenance) -> MaintenanceWindow:
    return MaintenanceWindow(instant(message.start_time), instant(message.end_time), message.message)
