"""`qf outbox`: messages that wait for a mailer, taken and acknowledged by hand as the mailer does."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import grpc
import typer
from google.protobuf.duration_pb2 import Duration

from cli import unusual_uses, views
from cli.application import Qf, command
from cli.commands.deadlines import in_words
from cli.connection import Request, Response, Service
from cli.errors import CommandFailed
from cli.output import Row
from msa.identity.v1 import outbox_service_pb2 as identity_pb
from msa.identity.v1 import outbox_service_pb2_grpc as identity_rpc
from msa.partners.v1 import outbox_service_pb2 as partners_pb
from msa.partners.v1 import outbox_service_pb2_grpc as partners_rpc
from services.kit.errors import Reason

group = typer.Typer(
    no_args_is_help=True,
    help="What users, partners and caisses are to be told by mail: for trying a mailer by hand.",
)


class Of(StrEnum):
    """Whose messages."""

    IDENTITY = "identity"
    PARTNERS = "partners"


OfOption = Annotated[
    Of,
    typer.Option(
        "--of",
        help="identity: to users, of their accounts, and to caisses, of unusual use; partners: reminders of deadlines.",
    ),
]


@command(
    group,
    "lease",
    examples=[
        "qf outbox lease --maximum 10",
        "qf outbox lease --of partners",
        "qf outbox lease --maximum 500 --seconds 600 --json",
    ],
)
def lease(
    qf: Qf,
    of: OfOption = Of.IDENTITY,
    maximum: Annotated[int, typer.Option("--maximum", min=1, max=500, help="At most so many messages.")] = 50,
    seconds: Annotated[
        int, typer.Option("--seconds", min=1, max=3600, help="For how long nobody else gets them.")
    ] = 60,
) -> None:
    """Takes messages that nobody holds: of unusual use first, then oldest first.

    What is not acknowledged in time is given out again: a mailer that runs waits for what is taken here.
    """
    rows = _leased_of[of](qf, maximum, Duration(seconds=seconds))
    qf.output.records("Messages", rows, "No message waits.")
    if rows:
        whom = (
            "" if of is Of.PARTNERS else "Whom to write to: the caisse, or qf user show --habilitation UUID. "
        )
        qf.output.note(
            f"{whom}Yours for {seconds} s; once delivered: qf outbox acknowledge --of {of.value} MESSAGE_ID…"
        )


@command(
    group,
    "acknowledge",
    examples=["qf outbox acknowledge UUID", "qf outbox acknowledge --of partners UUID UUID UUID"],
)
def acknowledge(
    qf: Qf,
    message_ids: Annotated[
        list[str], typer.Argument(metavar="MESSAGE_ID…", help="UUIDs of messages; at most 500.")
    ],
    of: OfOption = Of.IDENTITY,
) -> None:
    """Says that messages were delivered: nobody gets them again. To say it twice is fine."""
    if of is Of.IDENTITY:
        told = identity_pb.AcknowledgeMessagesRequest(message_ids=message_ids)
        _call(qf.services.identity, _identity(qf).AcknowledgeMessages, told)
    else:
        reminded = partners_pb.AcknowledgeMessagesRequest(message_ids=message_ids)
        _call(qf.services.partners, _partners(qf).AcknowledgeMessages, reminded)
    qf.output.record("Acknowledged", {"message_ids": message_ids})


def _leased_of_identity(qf: Qf, maximum: int, duration: Duration) -> list[Row]:
    request = identity_pb.LeaseMessagesRequest(maximum=maximum, lease=duration)
    reply = _call(qf.services.identity, _identity(qf).LeaseMessages, request)
    return [
        {
            **views.fields(message, "message_id"),
            "content": _told(message),
            **views.fields(message.unusual_use, "caisse_code"),
            **views.fields(message, "habilitation_id", "account_id", "create_time"),
        }
        for message in reply.messages
    ]


def _leased_of_partners(qf: Qf, maximum: int, duration: Duration) -> list[Row]:
    request = partners_pb.LeaseMessagesRequest(maximum=maximum, lease=duration)
    reply = _call(qf.services.partners, _partners(qf).LeaseMessages, request)
    return [
        {
            **views.fields(message, "message_id", "audience", "recipient_email", "caisse_code"),
            "content": f"{in_words(message.deadline)} ({message.days_before} days before)",
            **views.fields(message.deadline, "due_date", "partner_denomination", "convention_id"),
            **views.fields(message, "create_time"),
        }
        for message in reply.messages
    ]


_leased_of = {Of.IDENTITY: _leased_of_identity, Of.PARTNERS: _leased_of_partners}


def _told(message: identity_pb.Message) -> str:
    match message.WhichOneof("content"):
        case "dormancy_warning":
            warning = message.dormancy_warning
            day = views.day(warning, "disable_date")
            return f"disabled on {day} unless used ({warning.days_before} days before)"
        case "unusual_use":
            return unusual_uses.in_words(message.unusual_use)
        case _:
            return "of a kind that this release does not know"


def _call(
    service: Service, method: grpc.UnaryUnaryMultiCallable[Request, Response], request: Request
) -> Response:
    try:
        return service.call(method, request)
    except CommandFailed as failed:
        if failed.reason != Reason.CLIENT_NOT_ALLOWED:
            raise
        raise failed.with_remedy(
            f"Let [tls] certificate_file name a certificate that {service.name} lists under the role mailer "
            "(docs/guides/access.md)."
        ) from None


def _identity(qf: Qf) -> identity_rpc.OutboxServiceStub:
    return identity_rpc.OutboxServiceStub(qf.services.identity.channel)


def _partners(qf: Qf) -> partners_rpc.OutboxServiceStub:
    return partners_rpc.OutboxServiceStub(qf.services.partners.channel)
