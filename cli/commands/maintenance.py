"""`qf maintenance`: times in which a caisse's service answers nothing (art. 5)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import typer

from cli import register, views
from cli.application import Qf, command
from cli.output import Row
from cli.parameters import CaisseOption, OptionalReasonOption, parse_instant
from msa.partners.v1 import caisse_settings_service_pb2 as pb
from services.kit.clock import SystemClock
from services.kit.messages import to_timestamp

group = typer.Typer(
    no_args_is_help=True,
    help="Maintenances: times in which a caisse's service answers nothing, and says until when (art. 5).",
)


def _instant_option(name: str, about: str) -> Any:
    help_text = f'{about}: "2026-12-01 21:00" in Paris, or with its offset, 2026-12-01T20:00Z.'
    return typer.Option(name, parser=parse_instant, metavar="TIME", help=help_text)


MaintenanceArgument = Annotated[
    str, typer.Argument(metavar="MAINTENANCE_ID", help="UUID of the maintenance.")
]


@command(
    group,
    "plan",
    examples=[
        'qf maintenance plan --caisse 21 --from "2026-12-01 21:00" --to "2026-12-01 23:00" '
        '--message "Mise à jour du service"',
        'qf maintenance plan --caisse 21 --to "2026-12-01 12:00" --message "Panne en cours"',
    ],
)
def plan(
    qf: Qf,
    caisse: CaisseOption,
    end: Annotated[datetime, _instant_option("--to", "The first instant with service again")],
    message: Annotated[
        str, typer.Option("--message", metavar="TEXT", help="What partners are told, in French; one line.")
    ],
    start: Annotated[
        datetime | None, _instant_option("--from", "The first instant without; left out, it begins now")
    ] = None,
    reason: OptionalReasonOption = "",
) -> None:
    """Plans a time in which the service of a caisse answers nothing: its users are told the message, and until when.

    One that begins now holds from the next consultation on. It lasts 72 hours at most, and two of one caisse do not
    overlap. The service is promised for more than 98 % of its hours, 5:00 to 23:00 (art. 5): where the month no longer
    keeps that, with the caisse's other maintenances, qf says so; it is planned all the same.
    """
    request = pb.PlanMaintenanceRequest(
        caisse_code=caisse,
        start_time=to_timestamp(start),
        end_time=to_timestamp(end),
        message=message,
        reason=reason,
    )
    planned = qf.services.partners.call(register.caisse_settings(qf).PlanMaintenance, request)
    left = {_month(each): each.available_basis_points / 100 for each in planned.months_below_promise}
    qf.output.record("Maintenance planned", {**_row(planned.maintenance), "months_below_promise": [*left]})
    for month, percent in left.items():
        qf.output.note(
            f"{month} then keeps {percent:.2f} % of the opening hours; more than 98 % is promised (art. 5)."
        )


@command(group, "list", examples=["qf maintenance list --caisse 21"])
def list_maintenances(qf: Qf, caisse: CaisseOption) -> None:
    """Lists the maintenances of a caisse that run or are to come, earliest first; those before: `qf history`."""
    request = pb.ListMaintenancesRequest(caisse_code=caisse)
    reply = qf.services.partners.call(register.caisse_settings(qf).ListMaintenances, request)
    qf.output.records(
        f"Maintenances of caisse {caisse}",
        [_row(maintenance) for maintenance in reply.maintenances],
        "No maintenance runs or is to come.",
        columns=("maintenance_id", "state", "start_time", "end_time", "message"),
    )


@command(group, "cancel", examples=['qf maintenance cancel UUID --reason "postponed"'])
def cancel(qf: Qf, maintenance_id: MaintenanceArgument, reason: OptionalReasonOption = "") -> None:
    """Cancels a maintenance that is to come, or ends one that runs: the next consultation is answered again."""
    request = pb.CancelMaintenanceRequest(maintenance_id=maintenance_id, reason=reason)
    qf.services.partners.call(register.caisse_settings(qf).CancelMaintenance, request)
    qf.output.record("Maintenance cancelled", {"maintenance_id": maintenance_id})


def _month(left: pb.MonthAvailability) -> str:
    return f"{left.month.year}-{left.month.month:02}"


def _row(maintenance: pb.Maintenance) -> Row:
    runs = views.utc(maintenance.start_time) <= SystemClock().now()
    return {**views.fields(maintenance), "state": "RUNNING" if runs else "AHEAD"}
