"""What ends a convention, or keeps it from ending (art. 9-2), save force majeure."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import typer

from cli import register
from cli.application import Qf, command
from cli.commands.conventions.recording import denunciation_brings, notice_brings, record, show_changed
from cli.parameters import (
    ByOption,
    ConventionArgument,
    LetterReferenceOption,
    OptionalReasonOption,
    ReasonOption,
    ReceivedOption,
    YesOption,
    confirm,
    day_option,
)
from msa.partners.v1 import convention_service_pb2 as pb
from services.kit.messages import to_date

group = typer.Typer()
_PANEL = "How it ends"


@command(
    group,
    "denounce",
    examples=[
        "qf convention denounce UUID --by partner --received 2027-02-10 --letter 1A20457812345",
        "qf convention denounce UUID --by partner --received 2027-02-28T23:59",
    ],
    panel=_PANEL,
)
def denounce(
    qf: Qf,
    convention_id: ConventionArgument,
    by: ByOption,
    received: ReceivedOption,
    letter: LetterReferenceOption = "",
    reason: OptionalReasonOption = "",
    yes: YesOption = False,
) -> None:
    """Records a denunciation (art. 9-2): in time, it ends the convention at the next term, else at the one after.

    In time is what the other party received, by registered letter, three months before the term at the latest.
    """
    before = register.convention(qf, convention_id)
    brings = denunciation_brings(before, received)
    confirm(f"{brings} Record the denunciation by the {by.value}?".lstrip(), yes=yes)
    fact = pb.Denunciation(party=by.to_message(), receipt_date=to_date(received), letter_reference=letter)
    record(qf, before, pb.ConventionFact(denunciation=fact), "Denunciation recorded", reason)


@command(
    group,
    "formal-notice",
    examples=["qf convention formal-notice UUID --by caisse --received 2027-02-10 --letter 1A20457812345"],
    panel=_PANEL,
)
def formal_notice(
    qf: Qf,
    convention_id: ConventionArgument,
    by: ByOption,
    received: ReceivedOption,
    letter: LetterReferenceOption = "",
    reason: OptionalReasonOption = "",
    yes: YesOption = False,
) -> None:
    """Records a formal notice of a breach (art. 9-2): uncured, it ends the convention thirty days after its receipt."""
    before = register.convention(qf, convention_id)
    confirm(f"{notice_brings(received)} Record the formal notice by the {by.value}?", yes=yes)
    fact = pb.FormalNotice(party=by.to_message(), receipt_date=to_date(received), letter_reference=letter)
    cured = f"Once it is cured: qf convention cure {convention_id} --notice FACT --date DAY"
    record(qf, before, pb.ConventionFact(formal_notice=fact), "Formal notice recorded", reason, about=cured)


@command(
    group,
    "cure",
    examples=["qf convention cure UUID --notice FACT --date 2027-03-01"],
    panel=_PANEL,
)
def cure(
    qf: Qf,
    convention_id: ConventionArgument,
    notice: Annotated[
        str, typer.Option("--notice", metavar="FACT", help="UUID of the formal notice; `show` tells it.")
    ],
    cured: Annotated[date, day_option("--date", "When, before the thirty days are over")],
    reason: OptionalReasonOption = "",
) -> None:
    """Records that the breach of a formal notice was cured in time (art. 9-2): the convention goes on."""
    fact = pb.Cure(formal_notice_id=notice, cure_date=to_date(cured))
    before = register.convention(qf, convention_id)
    record(qf, before, pb.ConventionFact(cure=fact), "Cure recorded", reason)


@command(
    group,
    "end",
    examples=['qf convention end UUID --date 2026-12-31 --reason "agreed on by both"'],
    panel=_PANEL,
)
def end(
    qf: Qf,
    convention_id: ConventionArgument,
    ends: Annotated[date, day_option("--date", "First day without effect, from the signature on")],
    reason: ReasonOption,
    yes: YesOption = False,
) -> None:
    """Ends a convention on which both parties agreed, or gives up a draft; today ends it at once.

    A denunciation, a breach and force majeure have commands of their own: the day on which those end a convention is
    the service agreement's to say, not yours (art. 9-2, 10).
    """
    before = register.convention(qf, convention_id)
    confirm(f"End convention {convention_id} on {ends}? Nobody consults under it from that day on.", yes=yes)
    request = pb.EndConventionRequest(
        convention_id=convention_id, end_date=to_date(ends), end_reason=reason, etag=before.etag
    )
    reply = qf.services.partners.call(register.conventions(qf).EndConvention, request)
    show_changed(qf, "End recorded", reply.convention)
