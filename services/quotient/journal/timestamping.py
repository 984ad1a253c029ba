"""Asks an authority for time-stamps over HTTP (RFC 3161, section 3.4)."""

import asyncio
from http.client import HTTPException
from urllib.request import Request, urlopen

import structlog

from services.kit.config import ConfigError
from services.kit.errors import DependencyUnavailable
from services.kit.transparency.timestamp import QUERY_TYPE, TimestampRefused, granted_token, timestamp_query

_SCHEMES = ("http://", "https://")
# Less than a call has in all.
_TIMEOUT_SECONDS = 5.0
# A token is a few thousand bytes, with its certificates.
_MAXIMUM_ANSWER_BYTES = 1024 * 1024
_log = structlog.get_logger()


class TimestampAuthority:
    """The authority that is configured."""

    def __init__(self, url: str) -> None:
        """Raises ConfigError for what is no URL of HTTP."""
        if not url.startswith(_SCHEMES):
            raise ConfigError("journal.timestamp_url: begins with http:// or https://")
        self._url = url

    async def token(self, note: str) -> bytes:
        """The time-stamp token of `note`, in DER. Raises DependencyUnavailable where the authority gives none."""
        query = timestamp_query(note)
        try:
            return granted_token(await asyncio.to_thread(self._ask, query.message), query)
        except (OSError, HTTPException, TimestampRefused) as error:
            _log.warning("timestamp_not_granted", error_type=type(error).__name__)
            raise DependencyUnavailable from None

    def _ask(self, message: bytes) -> bytes:
        request = Request(self._url, message, {"Content-Type": QUERY_TYPE})  # noqa: S310  # its scheme was checked
        with urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310  # its scheme was checked
            content: bytes = answer.read(_MAXIMUM_ANSWER_BYTES)
        return content
