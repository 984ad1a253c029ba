"""The rules by which `json_guard.lua` refuses a JSON request that is not exactly one of its method."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from gateway.edge.methods import PublicMethod
from gateway.edge.refusals import json_body
from services.kit.errors import Reason
from services.kit.status import INTERNAL_TEXT, new_status

_SCRIPT = Path(__file__).with_name("json_guard.lua")

_KINDS = {
    FieldDescriptor.TYPE_STRING: ("string", "a string"),
    FieldDescriptor.TYPE_INT32: ("number", "a number"),
    FieldDescriptor.TYPE_BOOL: ("boolean", "true or false"),
    FieldDescriptor.TYPE_ENUM: ("enum", ""),
    FieldDescriptor.TYPE_MESSAGE: ("object", "an object"),
}

_MESSAGE = "MESSAGE"
_BODY_BEFORE, _BODY_AFTER = json_body(new_status(Reason.MALFORMED_REQUEST, _MESSAGE)).split(_MESSAGE)

_TEXTS = {
    "empty": "The body is empty: send a JSON object.",
    "not_an_object": "The body is not a JSON object: send one, in braces.",
    "not_json_at": "The body is not JSON in UTF-8 from byte ",
    "not_json_remedy": " on: correct it there.",
    "query": "This method takes nothing in the URL after the path: send fields in the body.",
    "body_not_taken": "This method takes no body: send none.",
    "content_type": "The body must be JSON: send content-type: application/json.",
    "body_before": _BODY_BEFORE,
    "body_after": _BODY_AFTER + "\n",
    "internal": json_body(new_status(Reason.INTERNAL, INTERNAL_TEXT)) + "\n",
}


def script(methods: Sequence[PublicMethod]) -> str:
    """The filter's whole source: the rules of `methods`, then the code.

    Raises:
        ValueError: a request has a field of a type for which there is no rule.
    """
    rules = {
        method.json_name: {"shape": method.request.full_name} if method.has_body else {} for method in methods
    }
    shapes: dict[str, Any] = {}
    for method in methods:
        if method.has_body:
            shapes |= dict(_shapes(method.request))
    tables = {"RULES": rules, "SHAPES": shapes, "TEXTS": _TEXTS}
    head = "".join(f"local {name} = {_lua(table)}\n" for name, table in tables.items())
    return head + _SCRIPT.read_text(encoding="utf-8")


def field_rule(field: FieldDescriptor) -> Mapping[str, Any]:
    """How the values of `field` look in JSON, and what is said of others.

    Raises:
        ValueError: there is no rule for its type.
    """
    if field.type not in _KINDS or (
        field.message_type and field.message_type.file.package.startswith("google.")
    ):
        raise ValueError(f"{field.full_name}: the JSON guard has no rule for its type")
    kind, expected = _KINDS[field.type]
    rule: dict[str, Any] = {"kind": kind, "twice": f"The field {field.name} stands twice: send it once."}
    if field.enum_type is not None:
        names = [value.name for value in field.enum_type.values]
        rule["names"] = dict.fromkeys(names, True)
        expected = f"one of {', '.join(names[1:])}"
    if field.message_type is not None:
        rule["shape"] = field.message_type.full_name
    if field.is_repeated:
        rule["repeated"] = True
        expected = f"a list; each item is {expected}"
    return {**rule, "refusal": f"The field {field.name} must be {expected}."}


def _shapes(message: Descriptor) -> Iterator[tuple[str, Any]]:
    names = ", ".join(field.name for field in message.fields)
    yield (
        message.full_name,
        {
            "unknown_field": f"The body has a field that does not exist; the fields are: {names}.",
            "fields": {field.name: field_rule(field) for field in message.fields},
        },
    )
    for field in message.fields:
        if field.message_type is not None:
            yield from _shapes(field.message_type)


def _lua(value: Any) -> str:
    """`value` as a Lua literal; strings are ASCII, where Lua's escapes are JSON's."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"[{_lua(key)}] = {_lua(item)}" for key, item in value.items()) + "}"
    return json.dumps(value)
