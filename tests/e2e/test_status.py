"""Art. 4-6, 5: anybody is told whether the service is open; in maintenance a caisse answers nothing and says how long.

Each test has a caisse of its own: what is set for one holds for all of its partners.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import httpx
import pytest
from google.rpc import error_details_pb2

from msa.partners.v1 import caisse_settings_service_pb2 as settings_pb
from services.kit.clock import SystemClock
from services.kit.messages import to_timestamp
from services.kit.status import reason_of, status_of
from tests.caisse import Caisse, User
from tests.e2e.conftest import Agent
from tests.portal import Portal, answered, bearer, queries_for, reason, violations

IN_MAINTENANCE, REQUIRING, PLANNING, STOPPING = "11", "13", "14", "17"
NAMES = {IN_MAINTENANCE: "MSA Grand Sud"}
HALF_AN_HOUR = timedelta(minutes=30)


async def signed_in(caisse: Caisse, portal: Portal, code: str) -> Agent:
    """An agent of a partner of this caisse."""
    user: User = await caisse.habilitate(code)
    return Agent(user, await portal.open_session(user))


async def plan(
    caisse: Caisse, code: str, end: datetime, start: datetime | None = None
) -> settings_pb.Maintenance:
    """Plans a maintenance, from now on where no start is said."""
    request = settings_pb.PlanMaintenanceRequest(
        caisse_code=code,
        start_time=to_timestamp(start),
        end_time=to_timestamp(end),
        message="Mise à jour",
        reason="trimestrielle",
    )
    return (await caisse.settings.PlanMaintenance(request)).maintenance


async def cancel(caisse: Caisse, maintenance: settings_pb.Maintenance) -> None:
    await caisse.settings.CancelMaintenance(
        settings_pb.CancelMaintenanceRequest(maintenance_id=maintenance.maintenance_id)
    )


async def told(portal: Portal, code: str) -> dict[str, Any]:
    """What the status says of a caisse."""
    caisses = answered(await portal.json.get("/v1/status"))["caisses"]
    [found] = [each for each in caisses if each["caisse_code"] == code]
    return dict(found)


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


async def test_anybody_is_told_the_state_of_every_caisse(portal: Portal) -> None:
    status = answered(await portal.json.get("/v1/status"))
    assert status["state"] == "SERVICE_STATE_OPEN"
    codes = [each["caisse_code"] for each in status["caisses"]]
    assert len(codes) == 35
    assert codes == sorted(codes)
    assert all(each["name"].startswith("MSA ") for each in status["caisses"])


async def test_a_maintenance_stops_everything_at_its_caisse_and_says_until_when(
    caisse: Caisse, portal: Portal, agent: Agent
) -> None:
    here = await signed_in(caisse, portal, IN_MAINTENANCE)
    nir = await caisse.publish(caisse_code=IN_MAINTENANCE)
    answered(await portal.consult(here.token, nir))
    end = SystemClock().now() + HALF_AN_HOUR
    maintenance = await plan(caisse, IN_MAINTENANCE, end)
    try:
        for refused in (
            await portal.consult(here.token, nir),
            await portal.consult_many(here.token, queries_for([nir])),
            await portal.post("/v1/oppositions", here.token, nir=nir),
            await portal.json.get("/v1/consultations", headers=bearer(here.token)),
        ):
            assert (refused.status_code, reason(refused)) == (
                httpx.codes.SERVICE_UNAVAILABLE,
                "MAINTENANCE",
            )
            wait = int(refused.headers["retry-after"])
            assert HALF_AN_HOUR.total_seconds() - 60 < wait <= HALF_AN_HOUR.total_seconds()
            assert refused.json()["retry_after_seconds"] == wait
        with pytest.raises(grpc.aio.AioRpcError) as by_grpc:
            await portal.consult_grpc(here.token, nir)
        assert by_grpc.value.code() is grpc.StatusCode.UNAVAILABLE
        assert reason_of(by_grpc.value) == "MAINTENANCE"
        assert any(
            detail.Is(error_details_pb2.RetryInfo.DESCRIPTOR) for detail in status_of(by_grpc.value).details
        )
        assert len(await caisse.journal(nir, IN_MAINTENANCE)) == 1
        shown = await told(portal, IN_MAINTENANCE)
        assert (shown["name"], shown["state"]) == (NAMES[IN_MAINTENANCE], "SERVICE_STATE_MAINTENANCE")
        assert abs(instant(shown["maintenance_end_time"]) - end) < timedelta(seconds=1)
        assert [window["message"] for window in shown["maintenances"]] == ["Mise à jour"]
        # Elsewhere work goes on.
        answered(await portal.consult(agent.token, await caisse.publish()))
    finally:
        await cancel(caisse, maintenance)
    answered(await portal.consult(here.token, nir))
    assert (await told(portal, IN_MAINTENANCE))["state"] == "SERVICE_STATE_OPEN"


async def test_a_maintenance_that_is_still_to_come_is_told_and_stops_nothing(
    caisse: Caisse, portal: Portal
) -> None:
    here = await signed_in(caisse, portal, PLANNING)
    start = SystemClock().now() + timedelta(hours=5)
    maintenance = await plan(caisse, PLANNING, start + HALF_AN_HOUR, start)
    shown = await told(portal, PLANNING)
    assert shown["state"] == "SERVICE_STATE_OPEN"
    assert "maintenance_end_time" not in shown
    [window] = shown["maintenances"]
    assert abs(instant(window["start_time"]) - start) < timedelta(seconds=1)
    answered(await portal.consult(here.token, await caisse.publish(caisse_code=PLANNING)))
    await cancel(caisse, maintenance)
    assert (await told(portal, PLANNING))["maintenances"] == []


async def test_a_maintenance_that_begins_stops_a_batch_at_its_next_row(
    caisse: Caisse, portal: Portal
) -> None:
    here = await signed_in(caisse, portal, STOPPING)
    nir = await caisse.publish(caisse_code=STOPPING)
    async with portal.consult_many_lines(here.token, queries_for([nir] * 200)) as rows:
        first = await anext(rows)
        maintenance = await plan(caisse, STOPPING, SystemClock().now() + HALF_AN_HOUR)
        rest = [row async for row in rows]
    await cancel(caisse, maintenance)
    assert "consultation" in first
    assert rest[-1]["error"]["reason"] == "MAINTENANCE"
    assert re.fullmatch(r"1[78]\d\ds", rest[-1]["error"]["retry_delay"])
    shown = sum("consultation" in row for row in rest) + 1
    assert len(await caisse.journal(nir, STOPPING)) == shown < 200


async def test_a_caisse_may_require_the_reference_of_the_case_art_6_1(caisse: Caisse, portal: Portal) -> None:
    here = await signed_in(caisse, portal, REQUIRING)
    nir = await caisse.publish(caisse_code=REQUIRING)
    answered(await portal.consult(here.token, nir))
    await require_reference(caisse, required=True)
    try:
        for reference in ("", "  "):
            refused = await portal.consult(here.token, nir, case_reference=reference)
            assert (refused.status_code, reason(refused)) == (httpx.codes.BAD_REQUEST, "INVALID_FIELD")
            assert violations(refused) == [("case_reference", "CASE_REFERENCE_REQUIRED")]
        answered(await portal.consult(here.token, nir, case_reference="CLSH/118"))
        queries = [*queries_for([nir]), *queries_for([nir], case_reference="")]
        with_reference, without = (await portal.consult_many(here.token, queries)).json()
        assert with_reference["consultation"]["outcome"] == "OUTCOME_AVAILABLE"
        assert without["error"]["violations"][0]["rule"] == "CASE_REFERENCE_REQUIRED"
    finally:
        await require_reference(caisse, required=False)
    answered(await portal.consult(here.token, nir))
    assert len(await caisse.journal(nir, REQUIRING)) == 4


async def require_reference(caisse: Caisse, *, required: bool) -> None:
    await caisse.settings.SetCaisseSettings(
        settings_pb.SetCaisseSettingsRequest(
            settings=settings_pb.CaisseSettings(caisse_code=REQUIRING, case_reference_required=required)
        )
    )
