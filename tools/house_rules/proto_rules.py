"""Rules on the protos that buf does not know."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from google.api import annotations_pb2
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
)

from tools.house_rules.model import Finding

_CONFIDENTIAL = re.compile(
    r"nir|.+_nir|login|password|.+_password|session_token|one_time_code|amount_cents|.+_amount_cents|case_reference"
    r"|dossier|numero_dossier|coordonnees|allocataires?|nom|nom_.+|prenoms?|prenom_.+|date_naissance|email|telephone"
    r"|adresse|destinataire|complement_information.*|numero_libelle_voie|lieu_dit|code_postal_ville|pays|.+_secret"
)
_AMOUNT = re.compile(r".*(?:amount|cents|montant).*")
_HTTP_VERBS = ("get", "put", "post", "delete", "patch")


@dataclass(frozen=True)
class ProtoRule:
    """One rule on a proto file: what breaks it (name and words)."""

    id: str
    reason: str
    find: Callable[[FileDescriptorProto, "Index"], Iterator[tuple[str, str]]]


class Index:
    """Every message of the protos by its full name."""

    def __init__(self, files: Sequence[FileDescriptorProto]) -> None:
        self._messages = {
            f".{file.package}.{name}": message for file in files for name, message in messages(file)
        }

    def fields(self, message: str) -> Sequence[FieldDescriptorProto]:
        """The fields of the message with this full name; none where it is unknown."""
        found = self._messages.get(message)
        return found.field if found else ()


def messages(file: FileDescriptorProto) -> Iterator[tuple[str, DescriptorProto]]:
    """Each message of `file`, nested ones too, with its name in the package."""
    waiting = [(message.name, message) for message in file.message_type]
    while waiting:
        name, message = waiting.pop(0)
        yield name, message
        waiting.extend((f"{name}.{nested.name}", nested) for nested in message.nested_type)


def findings(descriptors: FileDescriptorSet) -> Iterator[Finding]:
    """What breaks the rules in the project's own protos."""
    ours = [file for file in descriptors.file if file.package.startswith("msa.")]
    index = Index(ours)
    for file in ours:
        for rule in RULES:
            for name, message in rule.find(file, index):
                path = PurePosixPath("protos") / file.name
                yield Finding(path, _line(file, name), rule.id, f"{name}: {message}", rule.reason)


def _unredacted_field(file: FileDescriptorProto, _: Index) -> Iterator[tuple[str, str]]:
    for name, message in messages(file):
        for field in message.field:
            if _is_confidential(field) and not field.options.debug_redact:
                yield f"{name}.{field.name}", "confidential, without debug_redact"


def _wide_amount(file: FileDescriptorProto, _: Index) -> Iterator[tuple[str, str]]:
    for name, message in messages(file):
        for field in message.field:
            if _AMOUNT.fullmatch(field.name) and field.type != FieldDescriptorProto.TYPE_INT32:
                yield f"{name}.{field.name}", "an amount that is no int32"
            elif field.type in (FieldDescriptorProto.TYPE_DOUBLE, FieldDescriptorProto.TYPE_FLOAT):
                yield f"{name}.{field.name}", "a floating-point field"


def _amount_without_unit(file: FileDescriptorProto, _: Index) -> Iterator[tuple[str, str]]:
    for name, message in messages(file):
        for field in message.field:
            if _AMOUNT.fullmatch(field.name) and not field.name.endswith("_cents"):
                yield f"{name}.{field.name}", "an amount that does not name its unit"


def _confidential_in_url(file: FileDescriptorProto, index: Index) -> Iterator[tuple[str, str]]:
    for service in file.service:
        for method in service.method:
            rule = method.options.Extensions[annotations_pb2.http]
            path = next((getattr(rule, verb) for verb in _HTTP_VERBS if getattr(rule, verb)), "")
            in_path = set(re.findall(r"\{([^}=]+)", path))
            for field in index.fields(method.input_type):
                in_query = bool(path) and rule.body not in ("*", field.name)
                if _is_confidential(field) and (field.name in in_path or in_query):
                    yield f"{service.name}.{method.name}", f"{field.name} travels in the URL"


def _is_confidential(field: FieldDescriptorProto) -> bool:
    return bool(_CONFIDENTIAL.fullmatch(field.name))


def _line(file: FileDescriptorProto, name: str) -> int:
    """The line on which `Message.field` or `Service.Method` stands; 1 where it is not known."""
    by_path = {tuple(location.path): location.span[0] + 1 for location in file.source_code_info.location}
    return by_path.get(_path_of(file, name.split(".")), 1)


def _path_of(file: FileDescriptorProto, parts: Sequence[str]) -> tuple[int, ...]:
    for number, service in enumerate(file.service):
        for position, method in enumerate(service.method):
            if [service.name, method.name] == list(parts):
                return (FileDescriptorProto.SERVICE_FIELD_NUMBER, number, 2, position)
    path: tuple[int, ...] = ()
    inside: Sequence[DescriptorProto] = file.message_type
    step = FileDescriptorProto.MESSAGE_TYPE_FIELD_NUMBER
    for part in parts[:-1]:
        number = [message.name for message in inside].index(part)
        path = (*path, step, number)
        message, step = inside[number], DescriptorProto.NESTED_TYPE_FIELD_NUMBER
        inside = message.nested_type
    field = [field.name for field in message.field].index(parts[-1])
    return (*path, DescriptorProto.FIELD_FIELD_NUMBER, field)


RULES = (
    ProtoRule(
        "confidential-is-redacted", "a message printed by mistake must show nothing (N5)", _unredacted_field
    ),
    ProtoRule("amounts-are-int32", "JSON prints 64-bit integers as strings, and floats round", _wide_amount),
    ProtoRule("amounts-name-their-unit", "euros and cents must not be confused", _amount_without_unit),
    ProtoRule(
        "confidential-not-in-url", "URLs are logged on the way; bodies are not (N5)", _confidential_in_url
    ),
)
