"""`qf partner`: the register of partners (art. 4-2), what is required of them, their suspension (art. 7-2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cli import accounts, forms, paging, register, views
from cli.application import Qf, command
from cli.client_certificates import certificate_sha256
from cli.errors import UsageFailed
from cli.output import Row
from cli.parameters import (
    CaisseOption,
    DefinitiveOption,
    LimitOption,
    OptionalReasonOption,
    PartnerOption,
    ReasonOption,
    UntilOption,
    YesOption,
    day_option,
    suspension_kind,
)
from msa.identity.v1 import account_service_pb2 as account_pb
from msa.partners.v1 import partner_service_pb2 as pb
from services.kit.messages import to_date

group = typer.Typer(no_args_is_help=True, help="Partners: town halls, leisure centres, other organisations.")


class Structure(StrEnum):
    """What kind of structure a partner is."""

    COMMUNE = "commune"
    INTERCOMMUNALITE = "intercommunalite"
    DEPARTEMENT = "departement"
    CCAS = "ccas"
    CENTRE_DE_LOISIRS = "centre-de-loisirs"
    ASSOCIATION = "association"
    AUTRE = "autre"


_DENOMINATION = typer.Option("--denomination", metavar="TEXT", help="As on the convention.")
PartnerArgument = Annotated[str, typer.Argument(metavar="PARTNER_ID", help="UUID of the partner.")]
KindOption = Annotated[Structure | None, typer.Option("--kind", help="What kind of structure it is.")]
DepartmentsOption = Annotated[
    list[str] | None,
    typer.Option("--department", metavar="CODE", help="One of its competence (art. 7-1); again for more."),
]
SiretOption = Annotated[str | None, typer.Option("--siret", metavar="NUMBER", help="14 digits.")]
FunctionOption = Annotated[
    str | None,
    typer.Option("--representative-function", metavar="TEXT", help="What its representative is, e.g. Maire."),
]
ProfileFileOption = Annotated[
    Path | None,
    typer.Option(
        "--profile-file",
        metavar="FILE",
        help='Holds {"representative": …, "email": …}, one or both (- is standard input).',
    ),
]
StreetOption = Annotated[str, typer.Option("--street", metavar="TEXT", help="Street and number of its seat.")]
_POSTAL_CODE = typer.Option("--postal-code", metavar="CODE", help="Five digits.")
_COMMUNE = typer.Option("--commune", metavar="TEXT", help="Commune of its seat.")


@command(
    group,
    "register",
    examples=[
        'qf partner register --caisse 21 --numero-tiers T-0042 --denomination "Mairie de Valbrune"',
        'qf partner register --caisse 21 --numero-tiers T-0042 --denomination "Mairie de Valbrune" --kind commune '
        '--department 21 --department 71 --siret 21999900000017 --street "1 place du Puits" --postal-code 21997 '
        "--commune Valbrune --representative-function Maire --profile-file profile.json",
    ],
)
def register_partner(
    qf: Qf,
    caisse: CaisseOption,
    numero_tiers: Annotated[
        str, typer.Option("--numero-tiers", metavar="NUMBER", help="Unique within the caisse.")
    ],
    denomination: Annotated[str, _DENOMINATION],
    kind: KindOption = None,
    departments: DepartmentsOption = None,
    siret: SiretOption = None,
    function: FunctionOption = None,
    profile_file: ProfileFileOption = None,
    street: StreetOption = "",
    postal_code: Annotated[str, _POSTAL_CODE] = "",
    commune: Annotated[str, _COMMUNE] = "",
    reason: OptionalReasonOption = "",
) -> None:
    """Registers an organisation in the register of third parties (art. 4-2). What is left out can follow by
    `update`, its seat by `move`.

    Letters and reminders need its seat, its representative and its e-mail address.
    """
    seat = pb.Seat(street=street, postal_code=postal_code, commune=commune)
    request = pb.RegisterPartnerRequest(
        caisse_code=caisse,
        numero_tiers=numero_tiers,
        denomination=denomination,
        profile=_profile(pb.PartnerProfile(), kind, departments, siret, function, profile_file),
        seat=seat if seat != pb.Seat() else None,
        reason=reason,
    )
    reply = qf.services.partners.call(register.partners(qf).RegisterPartner, request)
    qf.output.record("Partner registered", views.partner(reply.partner))
    qf.output.note(f"Next: qf convention draft --partner {reply.partner.partner_id} --caisse {caisse}")


@command(
    group,
    "update",
    examples=[
        'qf partner update UUID --denomination "Ville de Valbrune" --reason "new name since 1 January"',
        "qf partner update UUID --profile-file profile.json",
        "qf partner update UUID --department 21 --department 89",
    ],
)
def update(
    qf: Qf,
    partner_id: PartnerArgument,
    denomination: Annotated[str | None, _DENOMINATION] = None,
    kind: KindOption = None,
    departments: DepartmentsOption = None,
    siret: SiretOption = None,
    function: FunctionOption = None,
    profile_file: ProfileFileOption = None,
    reason: OptionalReasonOption = "",
) -> None:
    """Changes what is given, and nothing else; departments are replaced as a whole. A new seat: `move`.

    Should somebody else change the partner at the same time, nothing is written.
    """
    if all(given is None for given in (denomination, kind, departments, siret, function, profile_file)):
        raise UsageFailed("There is nothing to change.", "Give at least one option; see --help.")
    before = register.partner(qf, partner_id)
    request = pb.UpdatePartnerRequest(
        partner_id=partner_id,
        denomination=before.denomination if denomination is None else denomination,
        profile=_profile(before.profile, kind, departments, siret, function, profile_file),
        reason=reason,
        etag=before.etag,
    )
    reply = qf.services.partners.call(register.partners(qf).UpdatePartner, request)
    qf.output.record("Partner changed", views.partner(reply.partner))


@command(
    group,
    "move",
    examples=[
        'qf partner move UUID --street "3 rue Neuve" --postal-code 21996 --commune Montfaucelle '
        "--letter-received 2027-03-02",
        'qf partner move UUID --street "1 place du Puits" --postal-code 21997 --commune Valbrune',
    ],
)
def move(
    qf: Qf,
    partner_id: PartnerArgument,
    street: StreetOption,
    postal_code: Annotated[str, _POSTAL_CODE],
    commune: Annotated[str, _COMMUNE],
    letter_received: Annotated[
        date | None, day_option("--letter-received", "When the registered letter came")
    ] = None,
    reason: OptionalReasonOption = "",
) -> None:
    """Records a new seat, which a partner tells by registered letter (art. 13-7).

    Only the first one, of a partner that was registered without, needs no letter.
    """
    request = pb.ChangeSeatRequest(
        partner_id=partner_id,
        seat=pb.Seat(street=street, postal_code=postal_code, commune=commune),
        letter_receipt_date=to_date(letter_received),
        reason=reason,
        etag=register.partner(qf, partner_id).etag,
    )
    reply = qf.services.partners.call(register.partners(qf).ChangeSeat, request)
    qf.output.record("Seat changed", views.partner(reply.partner))


@command(
    group,
    "list",
    examples=[
        "qf partner list --caisse 21",
        "qf partner list --caisse 21 --search valbrune",
        "qf partner list --caisse 21 --limit 500",
    ],
)
def list_partners(
    qf: Qf,
    caisse: CaisseOption,
    search: Annotated[
        str,
        typer.Option(
            "--search",
            metavar="WORDS",
            help="Only those with each of these words in number, dénomination or commune; accents do not matter.",
        ),
    ] = "",
    limit: LimitOption = 50,
) -> None:
    """Lists a caisse's partners by numéro de tiers."""
    paging.show(
        qf,
        limit,
        lambda size, token: qf.services.partners.call(
            register.partners(qf).ListPartners,
            pb.ListPartnersRequest(caisse_code=caisse, page_size=size, page_token=token, query=search),
        ),
        lambda page: page.partners,
        views.partner,
        title=f"Partners of caisse {caisse}",
        empty=f"Caisse {caisse} has registered no {'such ' if search else ''}partner.",
        columns=("partner_id", "numero_tiers", "denomination", "commune", "suspend_time"),
    )


@command(group, "show", examples=["qf partner show 01890a5d-ac96-774b-bcce-b302099a8057"])
def show(qf: Qf, partner_id: PartnerArgument) -> None:
    """Shows one partner."""
    qf.output.record("Partner", views.partner(register.partner(qf, partner_id)))


@command(
    group,
    "suspend",
    examples=[
        'qf partner suspend 01890a5d-ac96-774b-bcce-b302099a8057 --reason "suspected misuse"',
        'qf partner suspend 01890a5d-ac96-774b-bcce-b302099a8057 --until 2027-03-15 --reason "under inquiry"',
    ],
)
def suspend(
    qf: Qf,
    partner_id: PartnerArgument,
    reason: ReasonOption,
    until: UntilOption = None,
    definitive: DefinitiveOption = False,
    yes: YesOption = False,
) -> None:
    """Suspends the access of all of a partner's users from the next call on (art. 7-2), and ends their sessions.

    It lasts until `lift`, until a day, or for good. Said again, it replaces what was said before.
    """
    request = pb.SuspendPartnerRequest(
        partner_id=partner_id,
        suspension_reason=reason,
        kind=suspension_kind(f"partner {partner_id}", until, definitive=definitive, yes=yes),
        until_date=to_date(until),
    )
    reply = qf.services.partners.call(register.partners(qf).SuspendPartner, request)
    row = {**views.partner(reply.partner), "sessions_ended": reply.sessions_ended}
    qf.output.record("Partner suspended", row)
    register.say_if_identity_waits(qf, told=reply.sessions_ended)


@command(
    group,
    "lift",
    examples=['qf partner lift 01890a5d-ac96-774b-bcce-b302099a8057 --reason "explained"'],
)
def lift(qf: Qf, partner_id: PartnerArgument, reason: OptionalReasonOption = "") -> None:
    """Lifts a suspension, save a definitive one (art. 7-2): users sign in again."""
    request = pb.LiftSuspensionRequest(partner_id=partner_id, reason=reason)
    reply = qf.services.partners.call(register.partners(qf).LiftSuspension, request)
    qf.output.record("Suspension lifted", views.partner(reply.partner))


@command(
    group,
    "policy",
    examples=[
        "qf partner policy --partner UUID",
        "qf partner policy --partner UUID --require-second-factor",
        "qf partner policy --partner UUID --no-require-second-factor",
        "qf partner policy --partner UUID --allow-network 203.0.113.0/24 --allow-network 2001:db8:21::/48",
        "qf partner policy --partner UUID --client-certificate valbrune.pem",
        "qf partner policy --partner UUID --any-network --no-client-certificate",
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
    networks: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-network",
            metavar="CIDR",
            help="A network they may call from, 203.0.113.0/24; again for more. Those given are all.",
        ),
    ] = None,
    any_network: Annotated[
        bool, typer.Option("--any-network", help="They may call from anywhere again.")
    ] = False,
    certificates: Annotated[
        list[str] | None,
        typer.Option(
            "--client-certificate",
            metavar="FILE|SHA256",
            help="A client certificate (PEM), or its SHA-256; one of them must be shown. Again for more; those given "
            "are all.",
        ),
    ] = None,
    no_certificate: Annotated[
        bool, typer.Option("--no-client-certificate", help="No client certificate is needed any more.")
    ] = False,
) -> None:
    """Shows what the caisse requires of a partner's users, or sets it: it holds from their next call on.

    What is not named stays as it is. A user who must have a second factor and has none can do nothing before he has
    enrolled one. Networks and client certificates bind sign-ins and every call but a sign-out. Should somebody else
    change the policy at the same time, nothing is written.
    """
    wanted = _Wanted(
        second_factor_required=require_second_factor,
        networks=_those_given("--allow-network", networks, "--any-network", none=any_network),
        certificates=_those_given(
            "--client-certificate", certificates, "--no-client-certificate", none=no_certificate
        ),
    )
    # identity knows partners by id only: a mistyped one must not look protected.
    registered = register.partner(qf, partner)
    in_force = _policy(qf, partner, wanted)
    row: Row = {
        "partner_id": partner,
        "denomination": registered.denomination,
        "second_factor_required": in_force.second_factor_required,
        "networks": [*in_force.networks],
        "client_certificates_sha256": [*in_force.client_certificates_sha256],
    }
    qf.output.record("Policy" if wanted == _Wanted() else "Policy set", row)


@dataclass(frozen=True)
class _Wanted:
    """What is to be required from now on; None: what is required now."""

    second_factor_required: bool | None = None
    networks: Sequence[str] | None = None
    certificates: Sequence[str] | None = None


def _those_given(
    option: str, given: Sequence[str] | None, none_option: str, *, none: bool
) -> Sequence[str] | None:
    if given and none:
        raise UsageFailed(f"{option} and {none_option} exclude each other.", "Give one of the two.")
    return () if none else given or None


def _policy(qf: Qf, partner: str, wanted: _Wanted) -> account_pb.PartnerPolicy:
    certificates = wanted.certificates and [*map(certificate_sha256, wanted.certificates)]
    identity, stub = qf.services.identity, accounts.stub(qf)
    shown = identity.call(stub.GetPartnerPolicy, account_pb.GetPartnerPolicyRequest(partner_id=partner))
    policy = shown.policy
    if wanted == _Wanted():
        return policy
    if wanted.second_factor_required is not None:
        policy.second_factor_required = wanted.second_factor_required
    if wanted.networks is not None:
        policy.networks[:] = wanted.networks
    if certificates is not None:
        policy.client_certificates_sha256[:] = certificates
    return identity.call(stub.SetPartnerPolicy, account_pb.SetPartnerPolicyRequest(policy=policy)).policy


def _profile(
    before: pb.PartnerProfile,
    kind: Structure | None,
    departments: Sequence[str] | None,
    siret: str | None,
    function: str | None,
    profile_file: Path | None,
) -> pb.PartnerProfile:
    """The profile with what is given; an empty text empties a field."""
    from_file = forms.read_record(forms.Profile, profile_file, "The profile") if profile_file else None
    profile = pb.PartnerProfile()
    profile.CopyFrom(before)
    if kind is not None:
        profile.structure_kind = pb.StructureKind.Value(f"STRUCTURE_KIND_{kind.name}")
    if departments is not None:
        profile.departments[:] = departments
    texts = {"siret": siret, "representative_function": function, **(dict(from_file) if from_file else {})}
    for name, value in texts.items():
        if value is not None:
            setattr(profile, name, value)
    return profile
