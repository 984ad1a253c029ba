"""What partners may call is what the stubs say, no more and no less."""

import importlib
from pathlib import Path
from typing import Any

import pytest
from google.api import annotations_pb2
from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.descriptor import MethodDescriptor

from gateway.edge.methods import descriptor_set, public_method, public_methods, public_services

Field = descriptor_pb2.FieldDescriptorProto
PROTOS = Path(__file__).parents[3] / "protos"


def test_no_service_that_partners_should_see_is_forgotten() -> None:
    declared = {
        service.full_name
        for file in (PROTOS / "msa/gateway/v1").glob("*_service_pb2.py")
        for service in importlib.import_module(
            f"msa.gateway.v1.{file.stem}"
        ).DESCRIPTOR.services_by_name.values()
    }
    assert declared == set(public_services())


def test_every_public_method_has_one_json_form() -> None:
    forms = {method.json_name: method.grpc_name for method in public_methods()}
    assert len(forms) == len(public_methods())
    assert forms["POST /v1/quotients:consult"] == "msa.gateway.v1.QuotientService/ConsultQuotient"


def test_the_descriptor_set_is_complete_and_in_order() -> None:
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(descriptor_set()).file:
        pool.AddSerializedFile(file.SerializeToString())
    for name in ("ErrorInfo", "RetryInfo", "BadRequest", "Status"):
        assert pool.FindMessageTypeByName(f"google.rpc.{name}").fields
    for service in public_services():
        assert pool.FindServiceByName(service).methods


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ({}, "no google.api.http rule"),
        ({"get": "/v1/things/{name}"}, "plain paths"),
        ({"delete": "/v1/things"}, "query parameters of GET"),
        ({"post": "/v1/things", "body": "name"}, "whole bodies"),
    ],
)
def test_a_method_that_the_edge_could_not_guard_stops_the_start(rule: dict[str, str], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        public_method(method_with(rule))


@pytest.mark.parametrize(
    "field",
    [
        {"type": Field.TYPE_STRING, "label": Field.LABEL_REPEATED},
        {"type": Field.TYPE_BYTES},
        {"type": Field.TYPE_DOUBLE},
    ],
)
def test_a_url_holds_single_plain_values_only(field: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="query parameters"):
        public_method(method_with({"get": "/v1/things"}, **field))


@pytest.mark.parametrize("kind", [Field.TYPE_STRING, Field.TYPE_INT32, Field.TYPE_BOOL])
def test_plain_fields_of_a_get_may_stand_in_its_url(kind: Field.Type.ValueType) -> None:
    method = public_method(method_with({"get": "/v1/things"}, type=kind))
    assert (method.json_name, method.has_body) == ("GET /v1/things", False)


def test_a_stream_of_requests_stops_the_start() -> None:
    with pytest.raises(ValueError, match="stream of requests"):
        public_method(method_with({"post": "/v1/things", "body": "*"}, client_streaming=True))


def test_one_method_answers_with_a_stream() -> None:
    streams = [method.json_name for method in public_methods() if method.is_stream]
    assert streams == ["POST /v1/quotients:consultMany"]


def method_with(rule: dict[str, str], *, client_streaming: bool = False, **field: Any) -> MethodDescriptor:
    """A method whose request has one field, as described."""
    file = descriptor_pb2.FileDescriptorProto(
        name="t.proto", package="t", dependency=["google/api/annotations.proto"]
    )
    message = file.message_type.add(name="M")
    message.field.add(
        **{"name": "name", "number": 1, "type": Field.TYPE_STRING, "label": Field.LABEL_OPTIONAL} | field
    )
    method = file.service.add(name="S").method.add(
        name="Do", input_type=".t.M", output_type=".t.M", client_streaming=client_streaming
    )
    for key, value in rule.items():
        setattr(method.options.Extensions[annotations_pb2.http], key, value)
    pool = descriptor_pool.DescriptorPool()
    for serialized in (
        descriptor_pb2.DESCRIPTOR,
        annotations_pb2.DESCRIPTOR.dependencies[0],
        annotations_pb2.DESCRIPTOR,
    ):
        pool.AddSerializedFile(serialized.serialized_pb)
    pool.AddSerializedFile(file.SerializeToString())
    return pool.FindServiceByName("t.S").methods[0]
