"""gRPC reflection of the services that a server serves, of nothing else that its process knows."""

from collections.abc import Sequence
from typing import Any

import grpc
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import FileDescriptor
from google.rpc import error_details_pb2, status_pb2
from grpc_reflection.v1alpha import reflection, reflection_pb2

_METHOD = "ServerReflectionInfo"
# v1 is v1alpha under another name, message by message. Callers ask by the first, and then by the other.
_SERVICES = ("grpc.reflection.v1.ServerReflection", reflection.SERVICE_NAME)
METHODS = tuple(f"/{service}/{_METHOD}" for service in _SERVICES)
# With them a caller reads the details of errors.
_ERROR_FILES: tuple[Any, ...] = (status_pb2.DESCRIPTOR, error_details_pb2.DESCRIPTOR)


def enable_reflection(server: grpc.aio.Server, service_names: Sequence[str]) -> None:
    """Answers by both names; knows the files of `service_names`, what they import, and errors."""
    servicer = reflection.aio.ReflectionServicer(service_names, _pool_of(service_names))
    handler = grpc.stream_stream_rpc_method_handler(
        servicer.ServerReflectionInfo,
        reflection_pb2.ServerReflectionRequest.FromString,
        reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    server.add_generic_rpc_handlers(
        tuple(grpc.method_handlers_generic_handler(service, {_METHOD: handler}) for service in _SERVICES)
    )


def _pool_of(service_names: Sequence[str]) -> descriptor_pool.DescriptorPool:
    known = descriptor_pool.Default()
    pool = descriptor_pool.DescriptorPool()
    added: set[str] = set()
    for file in (*(known.FindServiceByName(name).file for name in service_names), *_ERROR_FILES):
        _add(file, pool, added)
    return pool


def _add(file: FileDescriptor, pool: descriptor_pool.DescriptorPool, added: set[str]) -> None:
    if file.name in added:
        return
    added.add(file.name)
    for dependency in file.dependencies:
        _add(dependency, pool, added)
    pool.AddSerializedFile(file.serialized_pb)
