"""Pages of a list (AIP-158)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from services.kit.identifiers import encode_page_token

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
