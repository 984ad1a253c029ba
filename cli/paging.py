"""Lists that the services hand out page by page (AIP-158)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

from cli.application import Qf
from cli.output import Row

_LARGEST_PAGE = 500


class Page(Protocol):
    """A page of a list."""

    next_page_token: str


Item = TypeVar("Item")
P = TypeVar("P", bound=Page)


def show(
    qf: Qf,
    limit: int,
    fetch: Callable[[int, str], P],
    items: Callable[[P], Sequence[Item]],
    row: Callable[[Item], Row],
    *,
    title: str,
    empty: str,
    columns: Sequence[str] = (),
) -> None:
    """Shows the first `limit` items, each as its `row`. `fetch` takes page size and token."""
    found, more = up_to(limit, fetch, items)
    qf.output.records(title, [row(item) for item in found], empty, columns)
    say_if_more(qf, more=more)


def say_if_more(qf: Qf, *, more: bool) -> None:
    """Tells that a list was cut at its limit."""
    if more:
        qf.output.note("There are more; raise --limit.")


def up_to(
    limit: int, fetch: Callable[[int, str], P], items: Callable[[P], Sequence[Item]]
) -> tuple[list[Item], bool]:
    """The first `limit` items, and whether there are more. `fetch` takes page size and token."""
    found: list[Item] = []
    for page in _pages(fetch, limit):
        found.extend(items(page))
        if len(found) >= limit:
            return found[:limit], bool(page.next_page_token) or len(found) > limit
    return found, False


def every(fetch: Callable[[int, str], P], items: Callable[[P], Sequence[Item]]) -> list[Item]:
    """All items. `fetch` takes page size and token."""
    return [item for page in _pages(fetch, _LARGEST_PAGE) for item in items(page)]


def _pages(fetch: Callable[[int, str], P], limit: int) -> Iterator[P]:
    token = ""
    while True:
        page = fetch(min(limit, _LARGEST_PAGE), token)
        yield page
        token = page.next_page_token
        if not token:
            return
