"""The public part of the protos with its comments, as the reference reads it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from google.api import annotations_pb2
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
    MethodDescriptorProto,
    ServiceDescriptorProto,
)

PACKAGE = "msa.gateway.v1"
_REASONS = "msa.errors.v1.ErrorReason"
_REASON_PREFIX = "ERROR_REASON_"
_VERBS = ("get", "put", "post", "delete", "patch")


@dataclass(frozen=True)
class Field:
    """One field of a message; `type_name` is the full name of its message or enum, else empty."""

    name: str
    comment: str
    type: FieldDescriptorProto.Type.ValueType
    type_name: str
    repeated: bool
    oneof: str


@dataclass(frozen=True)
class Message:
    """One message."""

    full_name: str
    comment: str
    fields: Sequence[Field]

    @property
    def name(self) -> str:
        """Without its package."""
        return self.full_name.rpartition(".")[2]


@dataclass(frozen=True)
class EnumType:
    """One enum: its values with their comments."""

    full_name: str
    comment: str
    values: Mapping[str, str]

    @property
    def name(self) -> str:
        """Without its package."""
        return self.full_name.rpartition(".")[2]


@dataclass(frozen=True)
class Rpc:
    """One RPC and its JSON form; with `has_body` the request is the body, else it is the query."""

    name: str
    service: str
    comment: str
    verb: str
    path: str
    has_body: bool
    request: str
    response: str
    streams: bool


@dataclass(frozen=True)
class Service:
    """One service."""

    name: str
    comment: str
    rpcs: Sequence[Rpc]


class Contract:
    """Services in the order of their files, messages and enums by their full names, reasons by theirs."""

    def __init__(self, descriptors: FileDescriptorSet) -> None:
        self.services: list[Service] = []
        self.messages: dict[str, Message] = {}
        self.enums: dict[str, EnumType] = {}
        for file in descriptors.file:
            if file.package == PACKAGE or file.package == _REASONS.rpartition(".")[0]:
                comments = _comments(file)
                self.services += [_service(file, service, comments) for service in file.service]
                self.messages |= {each.full_name: each for each in _messages(file, comments)}
                self.enums |= {each.full_name: each for each in _enums(file, comments)}
        self.reasons: Mapping[str, str] = {
            value.removeprefix(_REASON_PREFIX): comment
            for value, comment in self.enums.pop(_REASONS).values.items()
        }

    @property
    def rpcs(self) -> Iterator[Rpc]:
        """Every RPC."""
        for service in self.services:
            yield from service.rpcs


def _comments(file: FileDescriptorProto) -> Mapping[tuple[int, ...], str]:
    """What stands above each element, as paragraphs, by the element's path."""
    return {
        tuple(location.path): _paragraphs(location.leading_comments)
        for location in file.source_code_info.location
        if location.leading_comments
    }


def _paragraphs(comment: str) -> str:
    return "\n\n".join(
        " ".join(line.strip() for line in paragraph.splitlines())
        for paragraph in comment.strip().split("\n\n")
    )


def _service(
    file: FileDescriptorProto, service: ServiceDescriptorProto, comments: Mapping[tuple[int, ...], str]
) -> Service:
    place = (FileDescriptorProto.SERVICE_FIELD_NUMBER, list(file.service).index(service))
    return Service(
        service.name,
        comments.get(place, ""),
        [
            _rpc(method, service.name, comments.get((*place, 2, number), ""))
            for number, method in enumerate(service.method)
        ],
    )


def _rpc(method: MethodDescriptorProto, service: str, comment: str) -> Rpc:
    rule = method.options.Extensions[annotations_pb2.http]
    verb = next((each for each in _VERBS if getattr(rule, each)), None)
    if verb is None:
        raise ValueError(f"{service}.{method.name} has no JSON form: give it a google.api.http rule")
    return Rpc(
        name=method.name,
        service=service,
        comment=comment,
        verb=verb,
        path=getattr(rule, verb),
        has_body=rule.body == "*",
        request=method.input_type.removeprefix("."),
        response=method.output_type.removeprefix("."),
        streams=method.server_streaming,
    )


def _messages(file: FileDescriptorProto, comments: Mapping[tuple[int, ...], str]) -> Iterator[Message]:
    for number, message in enumerate(file.message_type):
        place = (FileDescriptorProto.MESSAGE_TYPE_FIELD_NUMBER, number)
        yield Message(
            f"{file.package}.{message.name}",
            comments.get(place, ""),
            [
                _field(message, field, comments.get((*place, 2, position), ""))
                for position, field in enumerate(message.field)
            ],
        )


def _field(message: DescriptorProto, field: FieldDescriptorProto, comment: str) -> Field:
    return Field(
        name=field.name,
        comment=comment,
        type=field.type,
        type_name=field.type_name.removeprefix("."),
        repeated=field.label == FieldDescriptorProto.LABEL_REPEATED,
        oneof=message.oneof_decl[field.oneof_index].name if field.HasField("oneof_index") else "",
    )


def _enums(file: FileDescriptorProto, comments: Mapping[tuple[int, ...], str]) -> Iterator[EnumType]:
    for number, enum in enumerate(file.enum_type):
        place = (FileDescriptorProto.ENUM_TYPE_FIELD_NUMBER, number)
        yield EnumType(f"{file.package}.{enum.name}", comments.get(place, ""), _values(enum, place, comments))


def _values(
    enum: EnumDescriptorProto, place: tuple[int, ...], comments: Mapping[tuple[int, ...], str]
) -> Mapping[str, str]:
    return {value.name: comments.get((*place, 2, position), "") for position, value in enumerate(enum.value)}
