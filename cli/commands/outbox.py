"""`qf outbox`: messages to users, taken and acknowledged by hand as a mailer does."""

from __future__ import annotations

from typing import Annotated

import grpc
import typer
from google.protobuf.duration_pb2 import Duration

from cli import views
from cli.application import Qf, command
from cli.connection import Request, Response
from cli.errors import CommandFailed
from cli.output import Row
from msa.identity.v1 import outbox_service_pb2 as pb
from msa.identity.v1 import outbox_service_pb2_grpc as rpc
from services.kit.errors import Reason

group = typer.Typer(
    no_args_is_help=True, help="What users are to be told by mail: for trying a mailer by hand."
)


@command(
    group,
    "lease",
    examples=["qf outbox lease --maximum 10", "qf outbox lease --maximum 500 --seconds 600 --json"],
)
def lease(
    qf: Qf,
    maximum: Annotated[int, typer.Option("--maximum", min=1, max=500, help="At most so many messages.")] = 50,
    seconds: Annotated[
        int, typer.Option("--seconds", min=1, max=3600, help="For how long nobody else gets them.")
    ] = 60,
) -> None:
    """Takes messages that nobody holds, oldest first.

    What is not acknowledged in time is given out again: a mailer that runs waits for what is taken here.
    """
    request = pb.LeaseMessagesRequest(maximum=maximum, lease=Duration(seconds=seconds))
    reply = _call(qf, _stub(qf).LeaseMessages, request)
    qf.output.records("Messages", [_row(message) for message in reply.messages], "No message waits.")
    if reply.messages:
        qf.output.note(
            f"Whom to write to: qf user show --habilitation UUID. Yours for {seconds} s; once delivered: "
            "qf outbox acknowledge MESSAGE_ID…"
        )


@command(
    group, "acknowledge", examples=["qf outbox acknowledge UUID", "qf outbox acknowledge UUID UUID UUID"]
)
def acknowledge(
    qf: Qf,
    message_ids: Annotated[
        list[str], typer.Argument(metavar="MESSAGE_ID…", help="UUIDs of messages; at most 500.")
    ],
) -> None:
    """Says that messages were delivered: nobody gets them again. To say it twice is fine."""
    _call(qf, _stub(qf).AcknowledgeMessages, pb.AcknowledgeMessagesRequest(message_ids=message_ids))
    qf.output.record("Acknowledged", {"message_ids": message_ids})


def _row(message: pb.Message) -> Row:
    return {
        "message_id": message.message_id,
        "content": _content(message),
        "habilitation_id": message.habilitation_id,
        "account_id": message.account_id,
        "create_time": views.instant(message, "create_time"),
    }


def _content(message: pb.Message) -> str:
    if message.WhichOneof("content") != "dormancy_warning":
        return "of a kind that this release does not know"
    warning = message.dormancy_warning
    return f"disabled on {views.day(warning, 'disable_date')} unless used ({warning.days_before} days before)"


def _call(qf: Qf, method: grpc.UnaryUnaryMultiCallable[Request, Response], request: Request) -> Response:
    try:
        return qf.services.identity.call(method, request)
    except CommandFailed as failed:
        if failed.reason != Reason.CLIENT_NOT_ALLOWED:
            raise
        raise failed.with_remedy(
            "Let [tls] certificate_file name a certificate that identity lists under the role mailer "
            "(docs/guides/access.md)."
        ) from None


def _stub(qf: Qf) -> rpc.OutboxServiceStub:
    return rpc.OutboxServiceStub(qf.services.identity.channel)
