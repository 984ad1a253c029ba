"""`qf convention force-majeure`: what nobody could foresee or stop (art. 10)."""

import typer

from cli import register
from cli.application import Qf, command
from cli.commands.conventions.recording import record
from cli.parameters import (
    ByOption,
    ConventionArgument,
    DateOption,
    OptionalReasonOption,
    YesOption,
    confirm,
)
from msa.partners.v1 import convention_service_pb2 as pb
from services.kit.messages import to_date

group = typer.Typer(
    no_args_is_help=True,
    help="Force majeure: notified, over, or, after thirty days, what ends the convention (art. 10).",
)


@command(
    group,
    "notify",
    examples=["qf convention force-majeure notify UUID --by partner --date 2027-02-10"],
)
def notify(
    qf: Qf,
    convention_id: ConventionArgument,
    by: ByOption,
    notified: DateOption,
    reason: OptionalReasonOption = "",
) -> None:
    """Records that force majeure was notified (art. 10). After thirty days either party may end the convention."""
    fact = pb.ForceMajeureNotification(party=by.to_message(), notification_date=to_date(notified))
    before = register.convention(qf, convention_id)
    record(qf, before, pb.ConventionFact(force_majeure_notification=fact), "Force majeure recorded", reason)


@command(group, "over", examples=["qf convention force-majeure over UUID --date 2027-02-25"])
def over(
    qf: Qf, convention_id: ConventionArgument, ended: DateOption, reason: OptionalReasonOption = ""
) -> None:
    """Records that the force majeure is over (art. 10): both parties' duties go on."""
    fact = pb.ForceMajeureEnd(over_date=to_date(ended))
    before = register.convention(qf, convention_id)
    record(qf, before, pb.ConventionFact(force_majeure_end=fact), "End of force majeure recorded", reason)


@command(
    group,
    "terminate",
    examples=["qf convention force-majeure terminate UUID --by caisse --date today"],
)
def terminate(
    qf: Qf,
    convention_id: ConventionArgument,
    by: ByOption,
    ends: DateOption,
    reason: OptionalReasonOption = "",
    yes: YesOption = False,
) -> None:
    """Ends a convention at once for force majeure that has lasted more than thirty days (art. 10)."""
    before = register.convention(qf, convention_id)
    confirm(f"End convention {convention_id} for force majeure, without effect from {ends} on?", yes=yes)
    fact = pb.ForceMajeureTermination(party=by.to_message(), termination_date=to_date(ends))
    record(qf, before, pb.ConventionFact(force_majeure_termination=fact), "End recorded", reason)
