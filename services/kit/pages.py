"""Pages of a list (AIP-158)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from uuid import UUID

from services.kit.identifiers import decode_page_token, encode_page_token, parse_uuid

Record = TypeVar("Record")


@dataclass(frozen=True)
class Page(Generic[Record]):
    """Some records of a list, and the token of the next page; the token is empty on the last one."""

    records: Sequence[Record]
    next_page_token: str


def page_of(found: Sequence[Record], size: int, key: Callable[[Record], str]) -> Page[Record]:
    """The page of `size` records that begins `found`, which holds one record more if there is a next page."""
    records = found[:size]
    return Page(records, encode_page_token(key(records[-1])) if len(found) > size else "")


# Lie before and behind every UUIDv7.
_NIL, _MAXIMUM = UUID(int=0), UUID(int=2**128 - 1)


def identifier_after(page_token: str) -> UUID:
    """The identifier behind which a page begins, oldest first. Raises InvalidField."""
    return _identifier(page_token, _NIL)


def identifier_before(page_token: str) -> UUID:
    """The identifier before which a page begins, newest first. Raises InvalidField."""
    return _identifier(page_token, _MAXIMUM)


def _identifier(page_token: str, of_the_first_page: UUID) -> UUID:
    key = decode_page_token(page_token)
    return parse_uuid("page_token", key) if key else of_the_first_page
