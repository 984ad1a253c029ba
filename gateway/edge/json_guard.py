"""The rules by which `json_guard.lua` refuses a JSON request that is not exactly one of its method."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from gateway.edge.methods import PublicMethod
from gateway.edge.refusals import open_problem
from gateway.problems import PROBLEM, PROBLEM_TYPE, problem_line, problem_of
from services.kit.errors import DependencyUnavailable, Reason
from services.kit.interceptors import DeadlineExceeded
from services.kit.status import INTERNAL_TEXT, new_status, to_status

_SCRIPT = Path(__file__).with_name("json_guard.lua")

_KINDS = {
    FieldDescriptor.TYPE_STRING: ("string", "un texte"),
    FieldDescriptor.TYPE_INT32: ("number", "un nombre"),
    FieldDescriptor.TYPE_BOOL: ("boolean", "true ou false"),
    FieldDescriptor.TYPE_ENUM: ("enum", ""),
    FieldDescriptor.TYPE_MESSAGE: ("object", "un objet"),
}
# What a parameter of a URL may be, in the words of its refusal.
_PARAMETERS = {
    "string": "au plus 512 lettres et chiffres sans accent et . _ ~ = -, sans codage %",
    "number": "un nombre entier",
    "boolean": "true ou false",
}

_MARK = "MESSAGE"
_BODY_BEFORE, _BODY_AFTER = open_problem(new_status(Reason.MALFORMED_REQUEST, ""), detail=_MARK).split(_MARK)
_INTERNAL = new_status(Reason.INTERNAL, INTERNAL_TEXT)

_TEXTS = {
    "empty": "Le corps est vide : envoyez un objet JSON.",
    "not_an_object": "Le corps n'est pas un objet JSON : envoyez-en un, entre accolades.",
    "not_json_at": "Le corps n'est pas du JSON en UTF-8 à partir de l'octet ",
    "not_json_remedy": " : corrigez-le à cet endroit.",
    "query": "Cette méthode n'accepte rien dans l'URL après le chemin : envoyez les champs dans le corps.",
    "body_not_taken": "Cette méthode n'accepte pas de corps : n'en envoyez pas.",
    "byte_order_mark": "Le corps commence par un indicateur d'ordre des octets (BOM) : envoyez-le en UTF-8 sans BOM.",
    "content_encoding": "Le corps est compressé : envoyez-le tel quel, sans content-encoding.",
    "content_type": "Le corps doit être du JSON : envoyez content-type: application/json.",
}
_BODIES = {
    "before": _BODY_BEFORE,
    "after": _BODY_AFTER,
    "internal": open_problem(_INTERNAL),
}
# In the place of an error that gRPC made on its own, by its HTTP status.
_ANSWERS = {
    "503": problem_line(problem_of(to_status(DependencyUnavailable()), "")),
    "504": problem_line(problem_of(to_status(DeadlineExceeded()), "")),
    "500": problem_line(problem_of(_INTERNAL, "")),
}


def script(methods: Sequence[PublicMethod]) -> str:
    """The filter's whole source: the rules of `methods`, then the code.

    Raises:
        ValueError: a request has a field of a type for which there is no rule.
    """
    rules = {method.json_name: _rule(method) for method in methods}
    shapes: dict[str, Any] = {}
    for method in methods:
        shapes |= dict(_shapes(method.request))
    tables = {
        "RULES": rules,
        "SHAPES": shapes,
        "TEXTS": {name: _in_json(text) for name, text in _TEXTS.items()},
        "BODIES": _BODIES,
        "ANSWERS": _ANSWERS,
        "PROBLEM": PROBLEM,
        "PROBLEM_TYPE": PROBLEM_TYPE,
    }
    head = "".join(f"local {name} = {_lua(table)}\n" for name, table in tables.items())
    return head + _SCRIPT.read_text(encoding="utf-8")


def field_rule(field: FieldDescriptor) -> Mapping[str, Any]:
    """How the values of `field` look in JSON, and what is said of others, as it stands in a text of JSON.

    Raises:
        ValueError: there is no rule for its type.
    """
    if field.type not in _KINDS or (
        field.message_type and field.message_type.file.package.startswith("google.")
    ):
        raise ValueError(f"{field.full_name}: the JSON guard has no rule for its type")
    kind, expected = _KINDS[field.type]
    rule: dict[str, Any] = {
        "kind": kind,
        "twice": _in_json(f"Le champ {field.name} figure deux fois : envoyez-le une fois."),
    }
    if field.enum_type is not None:
        names = [value.name for value in field.enum_type.values]
        rule["names"] = dict.fromkeys(names, True)
        expected = f"l'une des valeurs {', '.join(names[1:])}"
    if field.message_type is not None:
        rule["shape"] = field.message_type.full_name
    if field.is_repeated:
        rule["repeated"] = True
        expected = f"une liste ; chaque élément est {expected}"
    return {**rule, "refusal": _in_json(f"Le champ {field.name} doit être {expected}.")}


def _shapes(message: Descriptor) -> Iterator[tuple[str, Any]]:
    names = ", ".join(field.name for field in message.fields)
    yield (
        message.full_name,
        {
            "unknown_field": _in_json(f"Le corps a un champ qui n'existe pas ; les champs sont : {names}."),
            "fields": {field.name: field_rule(field) for field in message.fields},
        },
    )
    for field in message.fields:
        if field.message_type is not None:
            yield from _shapes(field.message_type)


def _rule(method: PublicMethod) -> Mapping[str, Any]:
    if method.has_body:
        return {"shape": method.request.full_name}
    if not method.request.fields:
        return {}
    taken = ", ".join(f"{field.name} ({_parameter(field)})" for field in method.request.fields)
    refusal = f"Cette méthode accepte dans l'URL, une fois au plus chacun : {taken}."
    return {"query": method.request.full_name, "query_refusal": _in_json(refusal)}


def _parameter(field: FieldDescriptor) -> str:
    if field.enum_type is not None:
        return "l'une des valeurs " + ", ".join(value.name for value in field.enum_type.values[1:])
    return _PARAMETERS[_KINDS[field.type][0]]


def _in_json(text: str) -> str:
    """`text` as it stands within a text of JSON, in ASCII."""
    return json.dumps(text)[1:-1]


def _lua(value: Any) -> str:
    """`value` as a Lua literal; strings are ASCII, where Lua's escapes are JSON's."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"[{_lua(key)}] = {_lua(item)}" for key, item in value.items()) + "}"
    return json.dumps(value)
