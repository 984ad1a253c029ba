"""`qf partner`: the register of partners (art. 4-2), what is required of them, their suspension (art. 7-2)."""

from typing import Annotated

import typer

from cli import accounts, views
from cli.application import Qf, command
from cli.output import Row
from cli.parameters import CaisseOption, LimitOption, PartnerOption, ReasonOption
from msa.identity.v1 import account_service_pb2 as account_pb
from msa.partners.v1 import partner_service_pb2 as pb
from msa.partners.v1 import partner_service_pb2_grpc as rpc

group = typer.Typer(no_args_is_help=True, help="Partners: town halls, leisure centres, other organisations.")
PartnerArgument = Annotated[str, typer.Argument(metavar="PARTNER_ID", help="UUID of the partner.")]


@command(
    group,
    "register",
    examples=['qf partner register --caisse 21 --numero-tiers T-0042 --denomination "Mairie de Valbrune"'],
)
def register(
    qf: Qf,
    caisse: CaisseOption,
    numero_tiers: Annotated[
        str, typer.Option("--numero-tiers", metavar="NUMBER", help="Unique within the caisse.")
    ],
    denomination: Annotated[
        str, typer.Option("--denomination", metavar="TEXT", help="As on the convention.")
    ],
) -> None:
    """Registers an organisation in the register of third parties (art. 4-2)."""
    request = pb.RegisterPartnerRequest(
        caisse_code=caisse, numero_tiers=numero_tiers, denomination=denomination
    )
    reply = qf.services.partners.call(_stub(qf).RegisterPartner, request)
    qf.output.record("Partner registered", views.partner(reply.partner))
    qf.output.note(
        f"Next: qf convention register --partner {reply.partner.partner_id} --caisse {caisse} --signed DAY"
    )


@command(group, "list", examples=["qf partner list --caisse 21", "qf partner list --caisse 21 --limit 500"])
def list_partners(qf: Qf, caisse: CaisseOption, limit: LimitOption = 50) -> None:
    """Lists a caisse's partners by numéro de tiers."""
    partners, more = views.up_to(
        limit,
        lambda size, token: qf.services.partners.call(
            _stub(qf).ListPartners,
            pb.ListPartnersRequest(caisse_code=caisse, page_size=size, page_token=token),
        ),
        lambda page: page.partners,
    )
    rows = [views.partner(partner) for partner in partners]
    empty = f"Caisse {caisse} has registered no partner."
    columns = ("partner_id", "numero_tiers", "denomination", "suspend_time")
    qf.output.records(f"Partners of caisse {caisse}", rows, empty, columns)
    if more:
        qf.output.note("There are more; raise --limit.")


@command(group, "show", examples=["qf partner show 01890a5d-ac96-774b-bcce-b302099a8057"])
def show(qf: Qf, partner_id: PartnerArgument) -> None:
    """Shows one partner."""
    reply = qf.services.partners.call(_stub(qf).GetPartner, pb.GetPartnerRequest(partner_id=partner_id))
    qf.output.record("Partner", views.partner(reply.partner))


@command(
    group,
    "suspend",
    examples=['qf partner suspend 01890a5d-ac96-774b-bcce-b302099a8057 --reason "suspected misuse"'],
)
def suspend(qf: Qf, partner_id: PartnerArgument, reason: ReasonOption) -> None:
    """Suspends a partner's access from the next call on (art. 7-2); `lift` ends it."""
    request = pb.SuspendPartnerRequest(partner_id=partner_id, suspension_reason=reason)
    reply = qf.services.partners.call(_stub(qf).SuspendPartner, request)
    qf.output.record("Partner suspended", views.partner(reply.partner))


@command(group, "lift", examples=["qf partner lift 01890a5d-ac96-774b-bcce-b302099a8057"])
def lift(qf: Qf, partner_id: PartnerArgument) -> None:
    """Lifts a suspension (art. 7-2)."""
    request = pb.LiftSuspensionRequest(partner_id=partner_id)
    reply = qf.services.partners.call(_stub(qf).LiftSuspension, request)
    qf.output.record("Suspension lifted", views.partner(reply.partner))


@command(
    group,
    "policy",
    examples=[
        "qf partner policy --partner UUID",
        "qf partner policy --partner UUID --require-second-factor",
        "qf partner policy --partner UUID --no-require-second-factor",
    ],
)
def policy(
    qf: Qf,
    partner: PartnerOption,
    require_second_factor: Annotated[
        bool | None,
        typer.Option(
            "--require-second-factor/--no-require-second-factor",
            help="Whether its users must have a second factor; left out, nothing is changed.",
        ),
    ] = None,
) -> None:
    """Shows what the caisse requires of a partner's users, or sets it: it holds from their next call on.

    A user who must have a second factor and has none can do nothing before he has enrolled one.
    """
    # identity knows partners by id only: a mistyped one must not look protected.
    registered = qf.services.partners.call(
        _stub(qf).GetPartner, pb.GetPartnerRequest(partner_id=partner)
    ).partner
    in_force = _policy(qf, partner, require_second_factor)
    row: Row = {
        "partner_id": partner,
        "denomination": registered.denomination,
        "second_factor_required": in_force.second_factor_required,
    }
    qf.output.record("Policy" if require_second_factor is None else "Policy set", row)


def _policy(qf: Qf, partner: str, require_second_factor: bool | None) -> account_pb.PartnerPolicy:
    identity, stub = qf.services.identity, accounts.stub(qf)
    if require_second_factor is None:
        shown = identity.call(stub.GetPartnerPolicy, account_pb.GetPartnerPolicyRequest(partner_id=partner))
        return shown.policy
    wanted = account_pb.PartnerPolicy(partner_id=partner, second_factor_required=require_second_factor)
    return identity.call(stub.SetPartnerPolicy, account_pb.SetPartnerPolicyRequest(policy=wanted)).policy


def _stub(qf: Qf) -> rpc.PartnerServiceStub:
    return rpc.PartnerServiceStub(qf.services.partners.channel)
