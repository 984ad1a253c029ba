"""What travels beside the messages: the session token and the caller's address in, the session warning out."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from grpc.aio import ServicerContext

from gateway.domain import ClientContext, SessionRequired, network_prefix
from gateway.service import SessionNotice
from services.kit.errors import DomainError
from services.kit.redaction import DeviceToken, SessionToken
from services.kit.status import PeerError

# Written by the edge, whatever the caller wrote there.
CLIENT_ADDRESS = "x-qf-client-address"
SESSION_REMAINING = "session-remaining-seconds"

# RFC 6750, 2.1: the scheme in any case, one token.
_BEARER = re.compile(r"bearer +([A-Za-z0-9._~+/-]+=*)", re.IGNORECASE)


def session_token(context: ServicerContext[Any, Any]) -> SessionToken:
    """The token of `authorization: Bearer …` (RFC 6750). Raises SessionRequired where there is none."""
    for key, value in context.invocation_metadata() or ():
        if key == "authorization" and isinstance(value, str) and (match := _BEARER.fullmatch(value)):
            return SessionToken(match[1])
    raise SessionRequired


def client_context(context: ServicerContext[Any, Any], device_token: str = "") -> ClientContext:
    """Where the call comes from; of the address that the edge saw, only the network goes on."""
    addresses = (value for key, value in context.invocation_metadata() or () if key == CLIENT_ADDRESS)
    return ClientContext(network_prefix(str(next(addresses, ""))), DeviceToken(device_token))


@asynccontextmanager
async def session_notice(context: ServicerContext[Any, Any]) -> AsyncIterator[SessionNotice]:
    """Sends what the notice was told as `session-remaining-seconds`, before the reply or the error (art. 7-1).

    Whole seconds, rounded down. Not before: once headers are on their way, the edge cannot answer in the place of a
    policy service that dies.
    """
    told: list[timedelta] = []
    try:
        yield told.append
    except (DomainError, PeerError):
        await _send(context, told)
        raise
    await _send(context, told)


async def _send(context: ServicerContext[Any, Any], told: list[timedelta]) -> None:
    if told:
        await context.send_initial_metadata(((SESSION_REMAINING, str(told[-1] // timedelta(seconds=1))),))
