"""What partners may call, read from the stubs: nothing else is routed."""

from dataclasses import dataclass

from google.api import annotations_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor, FileDescriptor, MethodDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from google.rpc import error_details_pb2, status_pb2

from msa.gateway.v1 import (
    consultation_service_pb2,
    opposition_service_pb2,
    quotient_service_pb2,
    second_factor_service_pb2,
    session_service_pb2,
    status_service_pb2,
)

_PUBLIC_FILES = (
    session_service_pb2.DESCRIPTOR,
    second_factor_service_pb2.DESCRIPTOR,
    quotient_service_pb2.DESCRIPTOR,
    opposition_service_pb2.DESCRIPTOR,
    consultation_service_pb2.DESCRIPTOR,
    status_service_pb2.DESCRIPTOR,
)
# Types of the details of errors: the transcoder shows only what it knows.
_ERROR_FILES = (status_pb2.DESCRIPTOR, error_details_pb2.DESCRIPTOR)
# Types of fields that may stand in a URL.
_QUERY_TYPES = frozenset(
    {
        FieldDescriptor.TYPE_STRING,
        FieldDescriptor.TYPE_INT32,
        FieldDescriptor.TYPE_BOOL,
        FieldDescriptor.TYPE_ENUM,
    }
)


@dataclass(frozen=True)
class PublicMethod:
    """One RPC and its JSON form.

    Attributes:
        grpc_path: "/msa.gateway.v1.StatusService/GetStatus".
        verb: HTTP verb of the JSON form.
        path: path of the JSON form, without variables.
        has_body: whether the JSON form sends the request message as its body; if not, its fields stand in the URL.
        is_stream: whether the answer is a stream of messages.
        request: the request message.
    """

    grpc_path: str
    verb: str
    path: str
    has_body: bool
    is_stream: bool
    request: Descriptor

    @property
    def json_name(self) -> str:
        """As in "POST /v1/sessions": names the JSON form in logs and traces."""
        return f"{self.verb} {self.path}"

    @property
    def grpc_name(self) -> str:
        """As in "msa.gateway.v1.SessionService/SignIn": names the gRPC form in logs and traces."""
        return self.grpc_path.removeprefix("/")


def public_services() -> list[str]:
    """Full names of the services that partners see."""
    return [service.full_name for file in _PUBLIC_FILES for service in file.services_by_name.values()]


def public_methods() -> list[PublicMethod]:
    """Every RPC of these services.

    Raises:
        ValueError: an RPC has no JSON form, or one that the edge does not know how to guard.
    """
    return [
        public_method(method)
        for file in _PUBLIC_FILES
        for service in file.services_by_name.values()
        for method in service.methods
    ]


def descriptor_set() -> bytes:
    """The descriptors of the services and of the details of errors, imports first, as the transcoder reads them."""
    files: dict[str, FileDescriptorProto] = {}
    for file in (*_PUBLIC_FILES, *_ERROR_FILES):
        _collect(file, files)
    return FileDescriptorSet(file=files.values()).SerializeToString(deterministic=True)


def public_method(method: MethodDescriptor) -> PublicMethod:
    """The JSON form of one RPC, by its `google.api.http` rule.

    Raises:
        ValueError: it has none, or one that the edge does not know how to guard.
    """
    http = method.GetOptions().Extensions[annotations_pb2.http]
    verb = http.WhichOneof("pattern")
    if verb not in {"get", "post", "put", "delete", "patch"}:
        raise ValueError(f"{method.full_name} has no google.api.http rule with a verb")
    path = getattr(http, verb)
    if "{" in path or http.body not in {"", "*"} or http.additional_bindings:
        raise ValueError(f"{method.full_name}: the edge guards plain paths and whole bodies only")
    if not http.body and not _fits_a_query(verb, method.input_type):
        raise ValueError(
            f"{method.full_name}: the edge guards query parameters of GET, and scalar ones, only"
        )
    if method.client_streaming:
        raise ValueError(f"{method.full_name}: the edge does not know how to guard a stream of requests")
    return PublicMethod(
        grpc_path=f"/{method.containing_service.full_name}/{method.name}",
        verb=verb.upper(),
        path=path,
        has_body=http.body == "*",
        is_stream=method.server_streaming,
        request=method.input_type,
    )


def _fits_a_query(verb: str, message: Descriptor) -> bool:
    scalar = all(field.type in _QUERY_TYPES and not field.is_repeated for field in message.fields)
    return scalar and (verb == "get" or not message.fields)


def _collect(file: FileDescriptor, files: dict[str, FileDescriptorProto]) -> None:
    for dependency in file.dependencies:
        _collect(dependency, files)
    if file.name not in files:
        proto = FileDescriptorProto()
        file.CopyToProto(proto)
        files[file.name] = proto
