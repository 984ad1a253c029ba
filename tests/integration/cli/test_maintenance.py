"""What a caisse decides about its service, by command: against fakes, then on the real services."""

from datetime import UTC, datetime, timedelta

import pytest
from google.type.date_pb2 import Date

from msa.partners.v1 import caisse_settings_service_pb2 as pb
from msa.partners.v1 import habilitation_service_pb2 as habilitation_pb
from services.kit.clock import PARIS, SystemClock
from services.kit.messages import to_timestamp
from services.partners.caisse_settings.domain import MaintenanceOverlaps
from tests.integration.cli.fakes import Fakes, refuse
from tests.integration.cli.process import Qf
from tests.integration.cli.records import HABILITATION
from tests.integration.cli.registering import register_convention, register_partner, register_user
from tests.stack import Stack

TYPED = ("maintenance", "plan", "--caisse", "21", "--from", "2026-12-07 08:00", "--message", "Mise à jour")


def maintenance(start: datetime, hours: float, number: int = 1) -> pb.Maintenance:
    return pb.Maintenance(
        maintenance_id=f"mai-{number}",
        caisse_code="21",
        start_time=to_timestamp(start),
        end_time=to_timestamp(start + timedelta(hours=hours)),
        message="Mise à jour",
    )


def planned(request: pb.PlanMaintenanceRequest) -> pb.PlanMaintenanceResponse:
    """As the service plans it."""
    return pb.PlanMaintenanceResponse(
        maintenance=pb.Maintenance(
            maintenance_id="mai-1",
            caisse_code=request.caisse_code,
            start_time=request.start_time,
            end_time=request.end_time,
            message=request.message,
        )
    )


def below_promise(request: pb.PlanMaintenanceRequest) -> pb.PlanMaintenanceResponse:
    """The same, of which the service says that two months no longer keep what is promised."""
    reply = planned(request)
    for month, left in ((Date(year=2026, month=12, day=1), 9784), (Date(year=2027, month=1, day=1), 9800)):
        reply.months_below_promise.add(month=month, available_basis_points=left)
    return reply


@pytest.fixture
def planning(fakes: Fakes) -> Fakes:
    """Fakes that plan what is asked."""
    fakes.script.replies["PlanMaintenance"] = planned
    return fakes


class TestPlan:
    def test_times_are_those_of_paris(self, planning: Fakes) -> None:
        """Art. 5."""
        row = planning.json(*TYPED, "--to", "2026-12-07 10:00", "--reason", "machines")
        assert planning.sent(pb.PlanMaintenanceRequest) == [
            pb.PlanMaintenanceRequest(
                caisse_code="21",
                start_time=to_timestamp(datetime(2026, 12, 7, 7, tzinfo=UTC)),
                end_time=to_timestamp(datetime(2026, 12, 7, 9, tzinfo=UTC)),
                message="Mise à jour",
                reason="machines",
            )
        ]
        assert row["months_below_promise"] == []

    def test_months_that_keep_no_98_percent_are_told_as_the_service_reckons_them(
        self, planning: Fakes
    ) -> None:
        """Art. 5."""
        planning.script.replies["PlanMaintenance"] = below_promise
        result = planning.qf(*TYPED, "--to", "2026-12-07 16:00")
        assert result.exit_code == 0, result.output
        assert "2026-12 then keeps 97.84 % of the opening hours" in result.stderr
        assert "2027-01 then keeps 98.00 % of the opening hours" in result.stderr
        assert "mai-1" in result.stdout
        row = planning.json(*TYPED, "--to", "2026-12-07 16:00")
        assert row["months_below_promise"] == ["2026-12", "2027-01"]

    def test_without_a_start_it_begins_now(self, planning: Fakes) -> None:
        planning.json(
            "maintenance", "plan", "--caisse", "21", "--to", "2026-12-07 10:00", "--message", "Panne"
        )
        (sent,) = planning.sent(pb.PlanMaintenanceRequest)
        assert not sent.HasField("start_time")

    def test_an_overlap_is_told_in_words(self, fakes: Fakes) -> None:
        fakes.script.replies["PlanMaintenance"] = refuse(MaintenanceOverlaps())
        result = fakes.qf(*TYPED, "--to", "2026-12-07 10:00")
        assert result.exit_code == 1
        assert "two do not overlap: plan around it, or cancel it first" in result.stderr

    def test_a_time_that_there_is_not_is_refused_before_anything_is_sent(self, planning: Fakes) -> None:
        result = planning.qf(
            *("maintenance", "plan", "--caisse", "21", "--message", "Panne"),
            *("--from", "2027-03-28 02:30", "--to", "2027-03-28 05:00"),
        )
        assert result.exit_code == 2
        assert "forward" in result.stderr
        assert planning.script.requests == []


def test_those_that_run_are_told_from_those_to_come(fakes: Fakes) -> None:
    now = SystemClock().now()
    known = [maintenance(now - timedelta(hours=1), 2), maintenance(now + timedelta(hours=1), 2, number=2)]
    fakes.script.replies["ListMaintenances"] = lambda _: pb.ListMaintenancesResponse(maintenances=known)
    assert [row["state"] for row in fakes.json("maintenance", "list", "--caisse", "21")] == [
        "RUNNING",
        "AHEAD",
    ]
    shown = fakes.qf("maintenance", "list", "--caisse", "21").stdout
    assert f"{(now - timedelta(hours=1)).astimezone(PARIS):%Y-%m-%d %H:%M}" in shown
    fakes.script.replies["ListMaintenances"] = lambda _: pb.ListMaintenancesResponse()
    assert fakes.qf("maintenance", "list", "--caisse", "21").stdout == "No maintenance runs or is to come.\n"


def test_the_bouquet_that_was_typed_is_asked_for(fakes: Fakes) -> None:
    """Art. 4-2: a registration and a form alike."""
    fakes.script.replies |= {
        "RegisterHabilitation": lambda _: habilitation_pb.RegisterHabilitationResponse(
            habilitation=HABILITATION
        ),
    }
    form = '{"signatory_name": "B. O.", "signature_place": "V.", "signature_date": "2026-11-20"}'
    (fakes.folder / "user.json").write_text('{"nom": "G", "prenom": "A", "email": "a@valbrune.example"}')
    (fakes.folder / "form.json").write_text(form)
    files = (
        *("--user-file", str(fakes.folder / "user.json")),
        *("--form-file", str(fakes.folder / "form.json")),
    )
    for chosen in ((), ("--bouquet", "quotient-familial-responsable")):
        fakes.qf("user", "register", "--convention", "con-1", *files, *chosen)
    assert [sent.bouquet for sent in fakes.sent(habilitation_pb.RegisterHabilitationRequest)] == [
        habilitation_pb.BOUQUET_QUOTIENT_FAMILIAL,
        habilitation_pb.BOUQUET_QUOTIENT_FAMILIAL_RESPONSABLE,
    ]


@pytest.fixture
def qf(stack: Stack) -> Qf:
    """`qf` for the stack."""
    return Qf(stack.layout.qf_config_file)


class TestRealServices:
    async def test_a_maintenance_is_planned_seen_and_cancelled(self, qf: Qf) -> None:
        """Art. 5."""
        start = SystemClock().now().astimezone(PARIS) + timedelta(days=40)
        times = (f"{start:%Y-%m-%d} 05:00", f"{start:%Y-%m-%d} 05:30")
        planned_row = await qf.json(
            *("maintenance", "plan", "--caisse", "21", "--from", times[0], "--to", times[1]),
            *("--message", "Mise à jour"),
        )
        maintenance_id = planned_row["maintenance_id"]
        assert maintenance_id in str(await qf.json("maintenance", "list", "--caisse", "21"))
        await qf.json("maintenance", "cancel", maintenance_id, "--reason", "postponed")
        assert maintenance_id not in str(await qf.json("maintenance", "list", "--caisse", "21"))
        cancelled, first = await qf.json("history", "--caisse", "21", "--subject", maintenance_id)
        assert (first["kind"], cancelled["kind"]) == ("MAINTENANCE_PLANNED", "MAINTENANCE_CANCELLED")
        assert cancelled["reason"] == "postponed"

    async def test_the_settings_of_a_caisse_are_set_and_shown(self, qf: Qf) -> None:
        at_caisse = ("caisse", "settings", "--caisse", "21")
        on = await qf.json(*at_caisse, "--require-case-reference", "--reason", "suivi")
        assert on == {"caisse_code": "21", "case_reference_required": True}
        assert await qf.json(*at_caisse) == on
        off = await qf.json(*at_caisse, "--no-require-case-reference")
        assert off == {"caisse_code": "21", "case_reference_required": False}

    async def test_who_is_answerable_is_registered_under_his_bouquet(self, qf: Qf) -> None:
        """Art. 4-2."""
        convention = await register_convention(qf, (await register_partner(qf))["partner_id"])
        user = await register_user(
            qf, convention["convention_id"], "--bouquet", "quotient-familial-responsable"
        )
        shown = await qf.json("user", "show", "--habilitation", user["habilitation_id"])
        assert shown["bouquet"] == "QUOTIENT_FAMILIAL_RESPONSABLE"
        assert {
            "bouquet": "QUOTIENT_FAMILIAL_RESPONSABLE",
            "online_services": ["CONSULTATION_REVIEW", "QUOTIENT_CONSULTATION"],
        } in await qf.json("bouquet", "list")
