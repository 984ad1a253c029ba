"""Messages and enums as JSON Schema 2020-12, by the proto JSON mapping that the edge uses.

Names are the protos' own. A reply holds every scalar, enum and list, also when empty; a message only when set.
"""

from collections.abc import Iterable, Iterator, Mapping

from google.protobuf.descriptor_pb2 import FieldDescriptorProto

from tools.openapi.contract import Contract, EnumType, Field, Message
from tools.openapi.rules import EXAMPLES, LIMITS, REQUIRED, Schema

COMPONENTS = "#/components/schemas/"
_NEVER = ("Never sent.", "Not said; refused.")

_SCALARS: Mapping[int, Schema] = {
    FieldDescriptorProto.TYPE_STRING: {"type": "string"},
    FieldDescriptorProto.TYPE_BOOL: {"type": "boolean"},
    FieldDescriptorProto.TYPE_INT32: {"type": "integer", "format": "int32"},
}
_WELL_KNOWN: Mapping[str, Schema] = {
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    "google.protobuf.Duration": {
        "type": "string",
        "pattern": r"^-?[0-9]+(\.[0-9]+)?s$",
        "examples": ["900s"],
    },
}


class Schemas:
    """The schemas of one contract."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._requests = {rpc.request for rpc in contract.rpcs}
        self._requests |= set(self._within(self._requests))
        _require_known(contract)

    def components(self) -> Iterator[tuple[str, Schema]]:
        """Each message that is sent or answered as JSON, and each enum, by its name."""
        in_queries = {rpc.request for rpc in self._contract.rpcs if not rpc.has_body}
        for message in self._contract.messages.values():
            if message.full_name not in in_queries:
                yield message.name, self._object(message)
        for enum in self._contract.enums.values():
            yield enum.name, _enum(enum)

    def query(self, message: Message) -> Iterator[tuple[str, Schema]]:
        """Each field of a request that travels as the query, with the schema of its value."""
        for field in message.fields:
            yield field.name, self._value(field) | LIMITS.get(f"{message.name}.{field.name}", {})

    def _object(self, message: Message) -> Schema:
        is_request = message.full_name in self._requests
        schema: Schema = {"type": "object", "description": message.comment}
        if is_request:
            required = list(REQUIRED.get(message.name, ()))
        else:
            required = [field.name for field in message.fields if _always_there(field)]
        if message.fields:
            schema["properties"] = {
                field.name: self._property(message, field, optional=is_request and field.name not in required)
                for field in message.fields
            }
        if required:
            schema["required"] = required
        if alternatives := [field.name for field in message.fields if field.oneof]:
            schema["oneOf"] = [{"required": [name]} for name in alternatives]
        if is_request:
            schema["additionalProperties"] = False
        return schema

    def _property(self, message: Message, field: Field, *, optional: bool) -> Schema:
        schema = self._value(field)
        if field.repeated:
            schema = {"type": "array", "items": schema}
        schema = schema | LIMITS.get(f"{message.name}.{field.name}", {})
        if optional:
            schema = _or_null(schema)
        return {"description": field.comment, **schema}

    def _value(self, field: Field) -> Schema:
        if field.type_name in _WELL_KNOWN:
            return dict(_WELL_KNOWN[field.type_name])
        if field.type_name:
            return {"$ref": COMPONENTS + field.type_name.rpartition(".")[2]}
        if field.type not in _SCALARS:
            raise ValueError(f"{field.name}: the reference has no schema for its type")
        return dict(_SCALARS[field.type])

    def _within(self, names: Iterable[str]) -> Iterator[str]:
        """The messages that `names` are made of, at any depth."""
        for name in names:
            inner = [field.type_name for field in self._contract.messages[name].fields]
            messages = [each for each in inner if each in self._contract.messages]
            yield from messages
            yield from self._within(messages)


def _always_there(field: Field) -> bool:
    return field.repeated or (field.type != FieldDescriptorProto.TYPE_MESSAGE and not field.oneof)


def _or_null(schema: Schema) -> Schema:
    """What may be left out may be null as well, as programs send it that know no other way."""
    if "type" in schema:
        return schema | {"type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]}


def _enum(enum: EnumType) -> Schema:
    told = {name: comment for name, comment in enum.values.items() if comment not in _NEVER}
    meanings = "\n".join(f"- `{name}`: {comment}" for name, comment in told.items())
    return {"type": "string", "description": f"{enum.comment}\n\n{meanings}", "enum": list(told)}


def _require_known(contract: Contract) -> None:
    """Raises ValueError where a rule names what the protos do not have."""
    fields = {message.name: {f.name for f in message.fields} for message in contract.messages.values()}
    named = [
        *((message, "") for message in EXAMPLES),
        *((message, name) for message, names in REQUIRED.items() for name in names),
        *((key.partition(".")[0], key.partition(".")[2]) for key in LIMITS),
    ]
    for message, name in named:
        if message not in fields or (name and name not in fields[message]):
            raise ValueError(f"tools/openapi/rules.py names {message}.{name}, which the protos do not have")
