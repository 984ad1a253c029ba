"""By what a call is found again: its X-Request-ID and its trace id, on every route.

The request id is the caller's where that is a UUID, else one of Envoy's; on the way in, out, and in the log (N5).
"""

from pathlib import Path

from gateway.edge.values import Json, header, typed
from gateway.problems import PROBLEM_TYPE

REQUEST_ID = "x-request-id"
# Where the caller's waits until it is looked at: Envoy puts one of its own in its place first.
ASKED = "x-qf-asked-request-id"
FILTER = "qf.marks"

_SCRIPT = Path(__file__).with_name("marks.lua")


def set_aside() -> list[Json]:
    """Mutations of a request's headers, before anything else sees them."""
    return [{"remove": ASKED}, {"append": header(ASKED, f"%REQ({REQUEST_ID})%")}, {"remove": REQUEST_ID}]


def generated() -> Json:
    """The connection manager's part: every request gets one.

    Answers do not get theirs from it: what it refuses early would carry what the caller wrote.
    """
    return {
        "generate_request_id": True,
        "request_id_extension": {
            "typed_config": typed(
                "request_id.uuid.v3.UuidRequestIdConfig",
                # It is an identifier; what becomes of the trace is none of its business.
                pack_trace_reason=False,
                use_request_id_for_trace_sampling=False,
            )
        },
    }


def told() -> list[Json]:
    """Mutations of an answer's headers; what was refused before the filter acted has one of its own."""
    return [
        {"remove": REQUEST_ID},
        {"append": header(REQUEST_ID, f"%DYNAMIC_METADATA({FILTER}:{REQUEST_ID})%")},
        {"append": {**header(REQUEST_ID, "%UNIQUE_ID%"), "append_action": "ADD_IF_ABSENT"}},
    ]


def marks_filter() -> Json:
    """Acts on every route, whatever the protocol."""
    names = {"FILTER": FILTER, "REQUEST_ID": REQUEST_ID, "ASKED": ASKED, "PROBLEM_TYPE": PROBLEM_TYPE}
    head = "".join(f'local {name} = "{value}"\n' for name, value in names.items())
    return {
        "name": FILTER,
        "typed_config": typed(
            "filters.http.lua.v3.Lua",
            default_source_code={"inline_string": head + _SCRIPT.read_text(encoding="utf-8")},
        ),
    }
