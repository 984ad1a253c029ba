"""`qf letter`: letters to partners, in French, as PDF (art. 4-2, 6-1, 7-2, 9-2).

The letter with a temporary password is not here: it is written where the password is issued, this once.
"""

from pathlib import Path
from typing import Annotated

import typer

from cli import accounts, register
from cli.application import Qf, command
from cli.errors import UsageFailed
from cli.letters import writing
from cli.letters.translation import require_in_force
from cli.parameters import ConventionOption, HabilitationOption

group = typer.Typer(
    no_args_is_help=True,
    help="Letters to partners as PDF: habilitation, convention, denunciation, suspension.",
)
OutOption = Annotated[
    Path, typer.Option("--out", metavar="FILE.pdf", help="Where to write it; only you may read the file.")
]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there.")]


@command(
    group, "habilitation", examples=["qf letter habilitation --habilitation UUID --out habilitation.pdf"]
)
def habilitation(
    qf: Qf, habilitation: HabilitationOption, out: OutOption, overwrite: OverwriteOption = False
) -> None:
    """Writes the notification of a user's habilitation, with his login, to the partner (art. 4-2).

    The temporary password is not on it. It goes apart, sealed; for a new one: qf user new-password.
    """
    found = register.habilitation(qf, habilitation)
    require_in_force(register.convention(qf, found.convention_id))
    login = accounts.get(qf, habilitation).login
    writing.write_habilitation_letter(qf, found, login, out, overwrite=overwrite)
    _say_written(qf, "habilitation", out)


@command(group, "convention", examples=["qf letter convention --convention UUID --out convention.pdf"])
def convention(
    qf: Qf, convention: ConventionOption, out: OutOption, overwrite: OverwriteOption = False
) -> None:
    """Writes the convention with its annexes 1 and 2, prefilled, ready to be signed by both.

    What the register or the configuration does not know is a dotted line.
    """
    writing.write_convention_letter(qf, convention, out, overwrite=overwrite)
    _say_written(qf, "convention", out)


@command(
    group,
    "denunciation",
    examples=[
        "qf letter denunciation --convention UUID --out denunciation.pdf",
        "qf letter denunciation --convention UUID --fact UUID --out denunciation.pdf",
    ],
)
def denunciation(
    qf: Qf,
    convention: ConventionOption,
    out: OutOption,
    fact: Annotated[
        str | None,
        typer.Option("--fact", metavar="UUID", help="The denunciation, where more than one is on record."),
    ] = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Writes the acknowledgement of a denunciation: for which term it came in time, and what is due (art. 6-1, 9-2)."""
    writing.write_denunciation_letter(qf, convention, fact, out, overwrite=overwrite)
    _say_written(qf, "denunciation", out)


@command(
    group,
    "suspension",
    examples=[
        "qf letter suspension --partner UUID --out suspension.pdf",
        "qf letter suspension --habilitation UUID --out suspension.pdf",
    ],
)
def suspension(
    qf: Qf,
    out: OutOption,
    partner: Annotated[
        str | None, typer.Option("--partner", metavar="UUID", help="The partner that is suspended.")
    ] = None,
    habilitation: Annotated[
        str | None,
        typer.Option("--habilitation", metavar="UUID", help="Instead: the habilitation that is suspended."),
    ] = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Writes the notification of a suspension, of a partner or of one of its users, to the partner (art. 7-2).

    It gives the reason on record, word for word.
    """
    match partner, habilitation:
        case str(), None:
            writing.write_partner_suspension_letter(qf, partner, out, overwrite=overwrite)
        case None, str():
            writing.write_user_suspension_letter(qf, habilitation, out, overwrite=overwrite)
        case _:
            raise UsageFailed(
                "It must be certain who is suspended.", "Name exactly one of --partner, --habilitation."
            )
    _say_written(qf, "suspension", out)


def _say_written(qf: Qf, letter: str, path: Path) -> None:
    qf.output.record("Letter written", {"letter": letter, "file": str(path)})
