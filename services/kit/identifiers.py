"""Identifiers: UUIDv7 for rows, random tokens for bearers, opaque page tokens (AIP-158)."""

import base64
import secrets
from datetime import datetime
from uuid import UUID

import uuid_utils

from services.kit.clock import epoch_ms
from services.kit.errors import FieldViolation, InvalidField


def new_uuid7(instant: datetime) -> UUID:
    """A UUIDv7 that sorts by `instant`."""
    return UUID(bytes=uuid_utils.uuid7(nanoseconds=epoch_ms(instant) * 1_000_000).bytes)


def new_token() -> str:
    """A 256-bit random token, URL-safe."""
    return secrets.token_urlsafe(32)


def parse_uuid(field: str, text: str) -> UUID:
    """The UUID in `text`. Raises InvalidField naming `field`."""
    try:
        return UUID(text)
    except ValueError:
        raise InvalidField(FieldViolation(field, "UUID", "must be a UUID")) from None


_NOT_A_PAGE_TOKEN = FieldViolation(
    "page_token", "PAGE_TOKEN", "must be the next_page_token of the previous page"
)


def encode_page_token(key: str) -> str:
    """The opaque token of the page that begins after `key`."""
    return base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")


def decode_page_token(token: str) -> str:
    """The key that `token` stands for, empty for the first page. Raises InvalidField."""
    try:
        key = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
    except ValueError:  # of base64, of UTF-8, or not ASCII at all
        raise InvalidField(_NOT_A_PAGE_TOKEN) from None
    # What is no base64 is passed over in reading: "!!!" would be the first page.
    if encode_page_token(key) != token:
        raise InvalidField(_NOT_A_PAGE_TOKEN)
    return key


def page_size(asked: int, default: int = 50, maximum: int = 500) -> int:
    """Rows on a page: what was asked, the default for 0. Raises InvalidField when out of range."""
    if not 0 <= asked <= maximum:
        raise InvalidField(FieldViolation("page_size", "RANGE", f"must be between 0 and {maximum}"))
    return asked or default
