"""One call to the gateway in each protocol that it speaks: gRPC by reflection, gRPC-Web, JSON by curl.

None of them knows the interface beforehand: all of it is asked of the gateway itself, as grpcurl does, and no generated
code is used. What came of a call is told in the same words, whatever it travelled in.
"""

import base64
import json
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlencode

import grpc
import httpx
from google.api import annotations_pb2
from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, MethodDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from gateway.problems import PROBLEM_TYPE, http_status_of
from tests.grpc_web import GrpcWeb
from tests.portal import bearer

TIMEOUT_SECONDS = 10
_STATUS_DETAILS = "grpc-status-details-bin"
# What is left to wait goes down from call to call.
_WAIT = re.compile(r" Réessayez dans .*$")
Fields = Mapping[str, Any]


@dataclass(frozen=True)
class Certificate:
    """A client certificate and its key, in PEM files."""

    certificate_file: Path
    private_key_file: Path


@dataclass(frozen=True)
class Answer:
    """What came of a call: messages, or an error with its reason, the rules broken and the French text."""

    http_status: int
    messages: Sequence[Fields] = ()
    reason: str = ""
    violations: Sequence[tuple[str, str, str]] = ()
    detail: str = ""
    tells_wait: bool = False

    @property
    def message(self) -> dict[str, Any]:
        """The one message of a single reply."""
        (only,) = self.messages
        return dict(only)


class Client(Protocol):
    """A partner's software in one protocol."""

    def call(self, method: str, fields: Fields, token: str = "") -> Answer:
        """Calls `method` ("Service.Method") with the fields of its request, in a session where `token` is given."""
        ...


class Interface:
    """What the gateway says of itself over gRPC reflection."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._database = ProtoReflectionDescriptorDatabase(channel)

    @cached_property
    def _pool(self) -> DescriptorPool:
        return DescriptorPool(self._database)

    def services(self) -> list[str]:
        """Full names."""
        return list(self._database.get_services())

    def method(self, name: str) -> MethodDescriptor:
        """The method "Service.Method" of the public package."""
        service, _, method = name.partition(".")
        return self._pool.FindServiceByName(f"msa.gateway.v1.{service}").methods_by_name[method]


@dataclass(frozen=True)
class ByGrpc:
    """gRPC, with messages made as the call needs them."""

    interface: Interface
    channel: grpc.Channel

    def call(self, method: str, fields: Fields, token: str = "") -> Answer:
        """See `Client`."""
        descriptor = self.interface.method(method)
        open_call = self.channel.unary_stream if descriptor.server_streaming else self.channel.unary_unary
        send: Any = open_call(
            _path(descriptor), _serialized, GetMessageClass(descriptor.output_type).FromString
        )
        metadata = tuple(bearer(token).items()) if token else ()
        try:
            reply = send(_request(descriptor, fields), timeout=TIMEOUT_SECONDS, metadata=metadata)
            return _answered(reply if descriptor.server_streaming else [reply])
        except grpc.RpcError as error:
            metadata_out: Any = error.trailing_metadata()
            trailers = dict(metadata_out or ())
            return _refused(status_pb2.Status.FromString(trailers[_STATUS_DETAILS]), error.code().value[0])


@dataclass(frozen=True)
class ByGrpcWeb:
    """gRPC-Web, in either form."""

    interface: Interface
    web: GrpcWeb

    def call(self, method: str, fields: Fields, token: str = "") -> Answer:
        """See `Client`."""
        descriptor = self.interface.method(method)
        headers = bearer(token) if token else {}
        reply = self.web.call(_path(descriptor), _serialized(_request(descriptor, fields)), headers)
        code = int(reply.trailers["grpc-status"])
        if code:
            details = reply.trailers[_STATUS_DETAILS]
            padded = base64.b64decode(details + "=" * (-len(details) % 4))
            return _refused(status_pb2.Status.FromString(padded), code)
        message_class = GetMessageClass(descriptor.output_type)
        return _answered(map(message_class.FromString, reply.messages))


@dataclass(frozen=True)
class ByCurl:
    """JSON, by the program that everybody has; what is confidential reaches it through its standard input (N5)."""

    interface: Interface
    gateway_url: str
    ca_file: Path
    certificate: Certificate | None = field(default=None)

    def call(self, method: str, fields: Fields, token: str = "") -> Answer:
        """See `Client`."""
        descriptor = self.interface.method(method)
        http_status, content_type, body = self._send(*_json_form(descriptor, fields), token)
        if http_status == httpx.codes.OK:
            assert content_type == "application/json"
            replies = body if descriptor.server_streaming else [body]
            return _answered(_read(descriptor.output_type, each) for each in replies)
        assert content_type == PROBLEM_TYPE
        assert body["status"] == http_status
        violations = tuple(
            (each["field"], each["rule"], each["detail"]) for each in body.get("violations", ())
        )
        detail, tells_wait = _WAIT.sub("", body["detail"]), "retry_after_seconds" in body
        return Answer(http_status, (), body["reason"], violations, detail, tells_wait)

    def _send(self, verb: str, path: str, content: str | None, token: str) -> tuple[int, str, Any]:
        options = {
            "url": self.gateway_url + path,
            "request": verb,
            "cacert": str(self.ca_file),
            "write-out": r"\n%{http_code} %{content_type}",
        }
        if content is not None:
            options["data-raw"] = content
        if self.certificate:
            options["cert"] = str(self.certificate.certificate_file)
            options["key"] = str(self.certificate.private_key_file)
        headers = [f"authorization: Bearer {token}"] if token else []
        headers += ["content-type: application/json"] if content is not None else []
        lines = [*options.items(), *(("header", header) for header in headers)]
        config = "".join(f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in lines)
        command = ["curl", "--disable", "--silent", "--show-error", "--config", "-", "--max-time", "10"]
        ran = subprocess.run(command, input=config, capture_output=True, text=True, check=True)
        body, _, written = ran.stdout.rpartition("\n")
        http_status, _, content_type = written.partition(" ")
        return int(http_status), content_type, json.loads(body)


def _path(descriptor: MethodDescriptor) -> str:
    return f"/{descriptor.containing_service.full_name}/{descriptor.name}"


def _json_form(descriptor: MethodDescriptor, fields: Fields) -> tuple[str, str, str | None]:
    """Verb, path with its query, and body, by the method's own rule."""
    options = MethodOptions.FromString(descriptor.GetOptions().SerializeToString())
    http = options.Extensions[annotations_pb2.http]
    verb = http.WhichOneof("pattern")
    assert verb
    path = str(getattr(http, verb))
    if http.body:
        return verb.upper(), path, json.dumps(fields)
    query = urlencode({name: json.dumps(value).strip('"') for name, value in fields.items()})
    return verb.upper(), f"{path}?{query}" if query else path, None


def _request(descriptor: MethodDescriptor, fields: Fields) -> Message:
    return _read(descriptor.input_type, fields)


def _read(kind: Descriptor, fields: Fields) -> Message:
    """The message of these fields. Raises json_format.ParseError where it has no such field."""
    return json_format.ParseDict(dict(fields), GetMessageClass(kind)())


def _serialized(message: Message) -> bytes:
    return message.SerializeToString()


def _answered(messages: Iterable[Message]) -> Answer:
    shown = [
        json_format.MessageToDict(
            message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
        )
        for message in messages
    ]
    return Answer(httpx.codes.OK, shown)


def _refused(status: status_pb2.Status, code: int) -> Answer:
    assert status.code == code != code_pb2.OK
    info, localized = error_details_pb2.ErrorInfo(), error_details_pb2.LocalizedMessage()
    bad_request, retry_info = error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
    found = {
        kind.DESCRIPTOR.name: True
        for detail in status.details
        for kind in (info, localized, bad_request, retry_info)
        if detail.Unpack(kind)
    }
    violations = tuple(
        (each.field, each.reason, each.localized_message.message) for each in bad_request.field_violations
    )
    detail = _WAIT.sub("", localized.message)
    return Answer(http_status_of(code), (), info.reason, violations, detail, "RetryInfo" in found)
