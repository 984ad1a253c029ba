"""What partners may call is what the stubs say, no more and no less."""

import importlib
from pathlib import Path

import pytest
from google.api import annotations_pb2
from google.protobuf import descriptor_pb2, descriptor_pool

from gateway.edge.methods import descriptor_set, public_method, public_methods, public_services

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
        ({"get": "/v1/things"}, "query parameters"),
        ({"post": "/v1/things", "body": "name"}, "whole bodies"),
    ],
)
def test_a_method_that_the_edge_could_not_guard_stops_the_start(rule: dict[str, str], told: str) -> None:
    file = descriptor_pb2.FileDescriptorProto(
        name="t.proto", package="t", dependency=["google/api/annotations.proto"]
    )
    file.message_type.add(name="M").field.add(name="name", number=1, type=9, label=1)
    method = file.service.add(name="S").method.add(name="Do", input_type=".t.M", output_type=".t.M")
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
    with pytest.raises(ValueError, match=told):
        public_method(pool.FindServiceByName("t.S").methods[0])
