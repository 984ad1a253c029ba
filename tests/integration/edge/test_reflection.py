"""Reflection by gRPC: the public services and no other, where it is turned on."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_reflection.v1alpha import reflection_pb2 as pb

from gateway.edge.methods import public_services
from tests.integration.edge.running import Edge, running_edge
from tests.integration.edge.statuses import told_in_grpc

VERSIONS = ("v1", "v1alpha")


@pytest.fixture(scope="module")
async def open_edge(edge: Edge, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Edge]:
    """One that is set to answer it, before the same policy service."""
    root: Path = tmp_path_factory.mktemp("open_edge")
    async with running_edge(
        root, edge.gateway_socket, edge.policy, edge.collector, otlp_port=1, settings="reflection = true"
    ) as running:
        yield running


async def answers(edge: Edge, version: str, *questions: pb.ServerReflectionRequest) -> Sequence[Any]:
    async with edge.channel() as channel:
        call: Any = channel.stream_stream(
            f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
            pb.ServerReflectionRequest.SerializeToString,
            pb.ServerReflectionResponse.FromString,
        )
        return [answer async for answer in call(iter(questions), timeout=5)]


@pytest.mark.parametrize("version", VERSIONS)
async def test_the_public_services_are_named_and_no_other(open_edge: Edge, version: str) -> None:
    (answer,) = await answers(open_edge, version, pb.ServerReflectionRequest(list_services="*"))
    assert [found.name for found in answer.list_services_response.service] == sorted(public_services())


async def test_both_sides_talk_in_turn(open_edge: Edge) -> None:
    questions = [pb.ServerReflectionRequest(file_containing_symbol=name) for name in public_services()]
    files = [
        FileDescriptorProto.FromString(serialized).name
        for answer in await answers(open_edge, "v1", *questions)
        for serialized in answer.file_descriptor_response.file_descriptor_proto
    ]
    assert {"msa/gateway/v1/quotient_service.proto", "google/api/annotations.proto"} <= set(files)
    assert not [name for name in files if not name.startswith(("msa/gateway/v1/", "google/"))]


async def test_details_of_errors_are_known_and_internal_services_are_not(open_edge: Edge) -> None:
    questions = [
        pb.ServerReflectionRequest(file_containing_symbol=name)
        for name in (
            "google.rpc.LocalizedMessage",
            "msa.identity.v1.SessionService",
            "msa.quotient.v1.DisclosureService",
            "grpc.health.v1.Health",
        )
    ]
    known, *unknown = await answers(open_edge, "v1", *questions)
    assert known.HasField("file_descriptor_response")
    assert [answer.error_response.error_code for answer in unknown] == [5, 5, 5]


@pytest.mark.parametrize("version", VERSIONS)
async def test_where_it_is_off_it_is_an_unknown_method(edge: Edge, version: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await answers(edge, version, pb.ServerReflectionRequest(list_services="*"))
    assert told_in_grpc(caught.value).reason == "UNKNOWN_METHOD"


async def test_it_is_for_grpc_only(open_edge: Edge) -> None:
    async with open_edge.client() as client:
        response = await client.post("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", json={})
    assert response.status_code == 404
