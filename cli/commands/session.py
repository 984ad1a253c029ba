"""`qf session`: ending sessions, of one user or of many (art. 5, 7-2; N3)."""

from typing import Annotated

import typer

from cli import accounts, register
from cli.application import Qf, command
from cli.errors import CommandFailed, UsageFailed
from cli.parameters import YesOption, confirm
from msa.identity.v1 import account_service_pb2 as pb
from msa.partners.v1 import partner_service_pb2 as partner_pb
from msa.partners.v1 import partner_service_pb2_grpc as partner_rpc
from services.kit.errors import Reason

group = typer.Typer(no_args_is_help=True, help="Sessions of partners' users: ending them.")
_WHOSE = "Name exactly one of --session, --habilitation, --partner, --caisse, --all."


@command(
    group,
    "revoke",
    examples=[
        "qf session revoke --session UUID",
        "qf session revoke --partner UUID",
        "qf session revoke --all --yes",
    ],
)
def revoke(
    qf: Qf,
    session: Annotated[
        str | None, typer.Option("--session", metavar="UUID", help="This one, as `qf user events` names it.")
    ] = None,
    habilitation: Annotated[
        str | None, typer.Option("--habilitation", metavar="UUID", help="Those of one user.")
    ] = None,
    partner: Annotated[
        str | None,
        typer.Option("--partner", metavar="UUID", help="Those of every user of a partner; asks first."),
    ] = None,
    caisse: Annotated[
        str | None,
        typer.Option("--caisse", metavar="CODE", help="Those of every user of a caisse; asks first."),
    ] = None,
    everybody: Annotated[bool, typer.Option("--all", help="Every session there is; asks first.")] = False,
    yes: YesOption = False,
) -> None:
    """Ends sessions: once it answers, no call of theirs succeeds any more (N3). Name exactly one option.

    Credentials stay in force: whoever knows them signs in again. Against that: `qf user new-password`,
    `qf user disable` or `qf partner suspend`.
    """
    named: dict[str, str | bool | None] = {
        "session_id": session,
        "habilitation_id": habilitation,
        "partner_id": partner,
        "caisse_code": caisse,
        "all": everybody or None,
    }
    given = {field: value for field, value in named.items() if value is not None}
    if len(given) != 1:
        raise UsageFailed("It must be certain whose sessions to end.", _WHOSE)
    ((field, value),) = given.items()
    ended = _words(qf, field, str(value))
    if field in _WIDE:
        confirm(f"End {ended}?", yes=yes)
    request = pb.RevokeSessionsRequest()
    setattr(request, field, value)
    try:
        qf.services.identity.call(accounts.stub(qf).RevokeSessions, request)
    except CommandFailed as failed:
        if failed.reason != Reason.RECORD_NOT_FOUND:
            raise
        raise failed.with_remedy(
            "`qf user events` names the sessions of a user, `qf user list` the habilitations."
        ) from None
    qf.output.record("Ended", {field: value, "ended": ended})


_WIDE = frozenset({"partner_id", "caisse_code", "all"})


def _words(qf: Qf, field: str, value: str) -> str:
    match field:
        case "session_id":
            return f"session {value}"
        case "habilitation_id":
            return f"the sessions of the user under habilitation {value}"
        case "partner_id":
            return f"the sessions of every user of {_partner(qf, value)}"
        case "caisse_code":
            return f"the sessions of every user of {_caisse(qf, value)}"
        case _:
            return "every session there is, of every caisse"


def _partner(qf: Qf, partner_id: str) -> str:
    """The partner in words. Raises CommandFailed where there is none: ending nobody's sessions would look done."""
    try:
        partner = register.partner(qf, partner_id)
    except CommandFailed as failed:
        if failed.reason in {Reason.RECORD_NOT_FOUND, Reason.INVALID_FIELD}:
            raise
        _could_not_be_looked_up(qf, failed)
        return f"partner {partner_id}"
    return f"partner {partner_id}, {partner.denomination}"


def _caisse(qf: Qf, caisse_code: str) -> str:
    """The caisse in words. Raises UsageFailed where there is none."""
    service = qf.services.partners
    stub = partner_rpc.CaisseServiceStub(service.channel)
    try:
        reply = service.call(stub.ListCaisses, partner_pb.ListCaissesRequest())
    except CommandFailed as failed:
        _could_not_be_looked_up(qf, failed)
        return f"caisse {caisse_code}"
    names = {caisse.caisse_code: caisse.name for caisse in reply.caisses}
    if caisse_code not in names:
        raise UsageFailed(f"There is no caisse {caisse_code!r}.", "`qf caisse list` tells which there are.")
    return f"caisse {caisse_code}, {names[caisse_code]}"


def _could_not_be_looked_up(qf: Qf, failed: CommandFailed) -> None:
    """Sessions must end also while the register is away."""
    qf.output.note(f"Whether the register knows it could not be checked: {failed.message}")
