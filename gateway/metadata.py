"""What travels beside the messages: the session token and the caller in, what is left of session and limits out."""

import math
import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from grpc.aio import ServicerContext

from gateway.domain import ClientContext, RateLimit, SessionRequired, network_prefix
from gateway.reply import tell
from services.kit.redaction import DeviceToken, SessionToken

# Written by the edge, whatever the caller wrote there.
CLIENT_ADDRESS = "x-qf-client-address"
CLIENT_CERTIFICATE = "x-qf-client-certificate"
SESSION_REMAINING = "session-remaining-seconds"

# RFC 6750, 2.1: the scheme in any case, one token.
_BEARER = re.compile(r"bearer +([A-Za-z0-9._~+/-]+=*)", re.IGNORECASE)
_SHA256 = re.compile(r"[0-9a-f]{64}")


def session_token(context: ServicerContext[Any, Any]) -> SessionToken:
    """The token of `authorization: Bearer …` (RFC 6750). Raises SessionRequired where there is none."""
    if match := _BEARER.fullmatch(_value(context, "authorization")):
        return SessionToken(match[1])
    raise SessionRequired


def client_context(context: ServicerContext[Any, Any], device_token: str = "") -> ClientContext:
    """Where the call comes from, as the edge saw it."""
    address, certificate = _value(context, CLIENT_ADDRESS), _value(context, CLIENT_CERTIFICATE).lower()
    return ClientContext(
        network_prefix=network_prefix(address),
        address=address,
        certificate_sha256=certificate if _SHA256.fullmatch(certificate) else "",
        device_token=DeviceToken(device_token),
    )


class ReplyNotice:
    """Tells the caller in headers what is left, with the reply or the error."""

    def session(self, remaining: timedelta) -> None:
        """How long the session lives if nothing more is called, in whole seconds, rounded down (art. 7-1)."""
        tell(SESSION_REMAINING, str(remaining // timedelta(seconds=1)))

    def rate_limits(self, rate_limits: Sequence[RateLimit]) -> None:
        """The limit of which least is left, and all of them as a policy (RateLimit-*)."""
        if not rate_limits:
            return
        tightest = min(rate_limits, key=lambda each: each.remaining)
        tell("ratelimit-limit", str(tightest.limit))
        tell("ratelimit-remaining", str(tightest.remaining))
        tell("ratelimit-reset", str(math.ceil(tightest.reset / timedelta(seconds=1))))
        tell("ratelimit-policy", ", ".join(map(_policy, rate_limits)))


def _policy(limit: RateLimit) -> str:
    return f"{limit.scope.name.lower()};q={limit.limit};w={limit.window // timedelta(seconds=1)}"


def _value(context: ServicerContext[Any, Any], name: str) -> str:
    values = (value for key, value in context.invocation_metadata() or () if key == name)
    return next((value for value in values if isinstance(value, str)), "")
