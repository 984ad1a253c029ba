"""A trace as an indented list, from what arrived over OTLP at the trace desk."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

import httpx

POLL_SECONDS = 0.1
INDENT = "  "

JsonTrace = Mapping[str, Any]


def indented(trace: JsonTrace) -> str:
    """One line `service: span name` per span, below its parent; brothers by start, then by name.

    A span whose parent has not arrived stands at the first level.
    """
    known = {span["span_id"] for span in trace["spans"]}
    children: dict[str, list[Any]] = defaultdict(list)
    for span in sorted(trace["spans"], key=lambda span: (span["start_time_unix_nano"], span["name"])):
        parent = span["parent_span_id"]
        children[parent if parent in known else ""].append(span)

    def lines(parent_id: str, depth: int) -> list[str]:
        return [
            line
            for span in children[parent_id]
            for line in (
                f"{INDENT * depth}{span['service']}: {span['name']}",
                *lines(span["span_id"], depth + 1),
            )
        ]

    return "\n".join(lines("", 0))


async def wait_for_trace(
    traces_url: str,
    trace_id: str,
    *,
    spans: int = 1,
    until: Callable[[JsonTrace], bool] = lambda _: True,
    seconds: float = 15,
) -> JsonTrace:
    """The trace, once it has `spans` spans at least and `until` holds of it.

    Args:
        traces_url: where the trace desk's pages are, as `traces_url` of demo.json.

    Raises:
        AssertionError: it does not come to that in time; shows what has arrived.
    """
    seen: JsonTrace | None = None
    deadline = asyncio.get_running_loop().time() + seconds
    async with httpx.AsyncClient(trust_env=False) as client:
        while asyncio.get_running_loop().time() < deadline:
            response = await client.get(f"{traces_url.rstrip('/')}/api/traces/{trace_id}")
            if response.status_code == httpx.codes.OK:
                seen = response.json()
                if len(seen["spans"]) >= spans and until(seen):
                    return seen
            await asyncio.sleep(POLL_SECONDS)
    arrived = "nothing" if seen is None else f"{len(seen['spans'])} spans:\n{indented(seen)}"
    raise AssertionError(f"After {seconds:g} s there is of trace {trace_id} {arrived}")
