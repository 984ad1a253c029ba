"""`msa.gateway.v1.StatusService`: protobuf ↔ domain."""

from typing import Any

from gateway.status.domain import MaintenanceWindow
from gateway.status.service import CaisseStatus, StatusService
from msa.gateway.v1 import status_service_pb2 as pb
from msa.gateway.v1.status_service_pb2_grpc import StatusServiceServicer
from services.kit.messages import to_timestamp


class StatusHandler(StatusServiceServicer):
    """Whether the service is open (art. 4-6, 5)."""

    def __init__(self, service: StatusService) -> None:
        self._service = service

    async def GetStatus(self, request: pb.GetStatusRequest, context: Any) -> pb.GetStatusResponse:
        """See the proto."""
        status = await self._service.status()
        return pb.GetStatusResponse(
            state=pb.ServiceState.ValueType(status.state),
            hours=status.hours,
            next_change_time=to_timestamp(status.next_change_time),
            caisses=[_caisse(each) for each in status.caisses],
        )


def _caisse(status: CaisseStatus) -> pb.CaisseStatus:
    return pb.CaisseStatus(
        caisse_code=status.caisse.caisse_code,
        name=status.caisse.name,
        state=pb.ServiceState.ValueType(status.state),
        maintenance_end_time=to_timestamp(status.maintenance_end_time),
        maintenances=[_window(window) for window in status.caisse.maintenances],
    )


def _window(window: MaintenanceWindow) -> pb.Maintenance:
    return pb.Maintenance(
        start_time=to_timestamp(window.start_time),
        end_time=to_timestamp(window.end_time),
        message=window.message,
    )
