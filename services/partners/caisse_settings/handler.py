"""msa.partners.v1.CaisseSettingsService ↔ the use cases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import grpc

from msa.partners.v1 import caisse_settings_service_pb2 as pb
from msa.partners.v1 import caisse_settings_service_pb2_grpc as rpc
from services.kit.availability import MonthAvailability
from services.kit.identifiers import parse_uuid
from services.kit.messages import to_date, to_timestamp
from services.partners.caisse_settings.domain import CaisseAvailability, CaisseSettings, Maintenance
from services.partners.caisse_settings.service import CaisseSettingsService
from services.partners.messages import caller_of, optional_instant_in

if TYPE_CHECKING:  # generic in its stubs only
    Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]


class CaisseSettingsHandler(rpc.CaisseSettingsServiceServicer):
    """CaisseSettingsService."""

    def __init__(self, service: CaisseSettingsService) -> None:
        self._service = service

    async def GetCaisseSettings(
        self, request: pb.GetCaisseSettingsRequest, context: Context
    ) -> pb.GetCaisseSettingsResponse:
        """What a caisse asks of every consultation."""
        settings = await self._service.get(caller_of(context), request.caisse_code)
        return pb.GetCaisseSettingsResponse(settings=_settings(settings))

    async def SetCaisseSettings(
        self, request: pb.SetCaisseSettingsRequest, context: Context
    ) -> pb.SetCaisseSettingsResponse:
        """Sets it."""
        asked = CaisseSettings(request.settings.caisse_code, request.settings.case_reference_required)
        settings = await self._service.set(caller_of(context), asked, request.reason)
        return pb.SetCaisseSettingsResponse(settings=_settings(settings))

    async def PlanMaintenance(
        self, request: pb.PlanMaintenanceRequest, context: Context
    ) -> pb.PlanMaintenanceResponse:
        """Plans a maintenance (art. 5)."""
        plan = await self._service.plan_maintenance(
            caller_of(context),
            request.caisse_code,
            optional_instant_in(request, "start_time"),
            optional_instant_in(request, "end_time"),
            request.message,
            request.reason,
        )
        return pb.PlanMaintenanceResponse(
            maintenance=_maintenance(plan.maintenance),
            months_below_promise=map(_month, plan.months_below_promise),
        )

    async def CancelMaintenance(
        self, request: pb.CancelMaintenanceRequest, context: Context
    ) -> pb.CancelMaintenanceResponse:
        """Cancels a maintenance, or ends it."""
        maintenance_id = parse_uuid("maintenance_id", request.maintenance_id)
        await self._service.cancel_maintenance(caller_of(context), maintenance_id, request.reason)
        return pb.CancelMaintenanceResponse()

    async def ListMaintenances(
        self, request: pb.ListMaintenancesRequest, context: Context
    ) -> pb.ListMaintenancesResponse:
        """A caisse's maintenances that run or are to come."""
        maintenances = await self._service.list_maintenances(caller_of(context), request.caisse_code)
        return pb.ListMaintenancesResponse(maintenances=map(_maintenance, maintenances))

    async def ListCaisseAvailabilities(
        self, request: pb.ListCaisseAvailabilitiesRequest, context: Context
    ) -> pb.ListCaisseAvailabilitiesResponse:
        """Every caisse with its maintenances (art. 4-6)."""
        availabilities = await self._service.list_availabilities()
        return pb.ListCaisseAvailabilitiesResponse(caisses=map(_availability, availabilities))


def _settings(settings: CaisseSettings) -> pb.CaisseSettings:
    return pb.CaisseSettings(
        caisse_code=settings.caisse_code, case_reference_required=settings.case_reference_required
    )


def _maintenance(maintenance: Maintenance) -> pb.Maintenance:
    return pb.Maintenance(
        maintenance_id=str(maintenance.maintenance_id),
        caisse_code=maintenance.caisse_code,
        start_time=to_timestamp(maintenance.start_time),
        end_time=to_timestamp(maintenance.end_time),
        message=maintenance.message,
    )


def _month(month: MonthAvailability) -> pb.MonthAvailability:
    return pb.MonthAvailability(month=to_date(month.month), available_basis_points=month.basis_points)


def _availability(availability: CaisseAvailability) -> pb.CaisseAvailability:
    return pb.CaisseAvailability(
        caisse_code=availability.caisse_code,
        name=availability.name,
        maintenances=map(_maintenance, availability.maintenances),
    )
