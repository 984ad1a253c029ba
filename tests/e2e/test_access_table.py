"""Every RPC of every internal server, called with every certificate: the answer is the one that the guide tells."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import grpc
import pytest
import trustme
from grpc_reflection.v1alpha import reflection_pb2

from deploy.local.certificates import CERTIFICATES
from msa.identity.v1 import outbox_service_pb2 as outbox_pb
from services.kit.errors import Reason
from services.kit.status import reason_of
from tests.stack import Stack, empty_stack
from tests.unit.docs.access_table import (
    ALLOWED,
    CERTIFICATE_COLUMNS,
    NO_TLS,
    NONE,
    OTHER_CA,
    REFUSED,
    SERVERS,
    Rpc,
    rpcs,
    table,
)

CALL_SECONDS = 10
TABLE = table()
# Off unless it is turned on, so it has servers of its own here.
REFLECTION = [rpc for rpc in rpcs() if rpc.name == "ServerReflectionInfo"]
OTHERS = [rpc for rpc in rpcs() if rpc not in REFLECTION]
# An empty request is refused or changes nothing; but an empty lease would take messages from those who wait for them.
REQUESTS = {"/msa.identity.v1.OutboxService/LeaseMessages": outbox_pb.LeaseMessagesRequest(maximum=-1)}


def _row_name(rpc: Rpc) -> str:
    return ".".join(rpc.row)


# Server and certificate → a channel to the one that shows the other.
Channels = Mapping[tuple[str, str], grpc.aio.Channel]


@pytest.fixture(scope="module")
async def serving(stack: Stack) -> AsyncIterator[Channels]:
    """Channels to the servers as they are."""
    async with _channels(stack) as opened:
        yield opened


@pytest.fixture(scope="module")
async def reflecting() -> AsyncIterator[Channels]:
    """Channels to servers whose reflection is turned on."""
    settings = [f"{server}.reflection=true" for server in SERVERS]
    with empty_stack(SERVERS, settings) as stack:
        async with _channels(stack) as opened:
            yield opened


@pytest.mark.parametrize("rpc", OTHERS, ids=_row_name)
async def test_the_answer_is_the_one_that_the_table_tells(serving: Channels, rpc: Rpc) -> None:
    assert await _answers(serving, rpc) == _told(rpc)


@pytest.mark.parametrize("rpc", REFLECTION, ids=_row_name)
async def test_so_is_the_answer_of_reflection_where_it_is_on(reflecting: Channels, rpc: Rpc) -> None:
    assert await _answers(reflecting, rpc) == _told(rpc)


@pytest.mark.parametrize("rpc", REFLECTION, ids=_row_name)
async def test_reflection_is_off_unless_it_is_turned_on(serving: Channels, rpc: Rpc) -> None:
    assert {await _answer(serving[rpc.server, certificate], rpc) for certificate in CERTIFICATES} == {
        grpc.StatusCode.UNIMPLEMENTED.name
    }


@pytest.mark.parametrize("server", SERVERS)
async def test_a_server_serves_nothing_that_the_table_does_not_tell(
    reflecting: Channels, server: str
) -> None:
    ask: Any = reflecting[server, "qf"].stream_stream(
        REFLECTION[0].path,
        reflection_pb2.ServerReflectionRequest.SerializeToString,
        reflection_pb2.ServerReflectionResponse.FromString,
    )
    request = reflection_pb2.ServerReflectionRequest(list_services="*")
    (reply,) = [reply async for reply in ask(iter([request]))]
    served = {service.name for service in reply.list_services_response.service}
    # Health and reflection are served by all, and listed by none.
    unlisted = {"grpc.health.v1.Health", REFLECTION[0].service}
    assert served | unlisted == {rpc.service for rpc in rpcs() if rpc.server == server}


def _told(rpc: Rpc) -> dict[str, str]:
    return {certificate: TABLE[rpc.row][certificate] for certificate in CERTIFICATE_COLUMNS}


async def _answers(channels: Channels, rpc: Rpc) -> dict[str, str]:
    return {
        certificate: await _answer(channels[rpc.server, certificate], rpc)
        for certificate in CERTIFICATE_COLUMNS
    }


async def _answer(channel: grpc.aio.Channel, rpc: Rpc) -> str:
    """What a call is told, in the words of the table; gRPC's code where they have none for it."""
    try:
        await _call(channel, rpc)
    except grpc.aio.AioRpcError as error:
        return _in_words(error.code(), reason_of(error))
    return ALLOWED


def _in_words(code: grpc.StatusCode, reason: Reason | None) -> str:
    match code, reason:
        case grpc.StatusCode.PERMISSION_DENIED, Reason.CLIENT_NOT_ALLOWED:
            return REFUSED
        case grpc.StatusCode.UNAVAILABLE, None:
            # gRPC's own word for a connection that never came about.
            return NO_TLS
        case _, None | Reason.CLIENT_NOT_ALLOWED | Reason.INTERNAL:
            return code.name
        case _:
            return ALLOWED


async def _call(channel: grpc.aio.Channel, rpc: Rpc) -> None:
    """Asks, and waits for the first answer. Raises AioRpcError."""
    kinds: Mapping[tuple[bool, bool], Any] = {
        (False, False): channel.unary_unary,
        (False, True): channel.unary_stream,
        (True, False): channel.stream_unary,
        (True, True): channel.stream_stream,
    }
    make = kinds[rpc.streams_requests, rpc.streams_responses](rpc.path)
    if rpc.streams_requests:
        call = make(timeout=CALL_SECONDS)
        await call.wait_for_connection()
        await call.done_writing()
    else:
        request = REQUESTS[rpc.path].SerializeToString() if rpc.path in REQUESTS else b""
        call = make(request, timeout=CALL_SECONDS)
    await (call.read() if rpc.streams_responses else call)
    call.cancel()


@asynccontextmanager
async def _channels(stack: Stack) -> AsyncIterator[Channels]:
    # The right names; but their CA is nobody's.
    stranger = trustme.CA().issue_cert(*CERTIFICATES["gateway"], *CERTIFICATES["qf"])
    async with AsyncExitStack() as opened:
        channels = {
            (server, certificate): _channel(stack, server, certificate, stranger)
            for server in SERVERS
            for certificate in CERTIFICATE_COLUMNS
        }
        for channel in channels.values():
            await opened.enter_async_context(channel)
        yield channels


def _channel(stack: Stack, server: str, certificate: str, stranger: trustme.LeafCert) -> grpc.aio.Channel:
    if certificate != OTHER_CA:
        return stack.channel(server, None if certificate == NONE else certificate)
    where = stack.demo["internal_addresses"][server]
    credentials = grpc.ssl_channel_credentials(
        stack.ca_file.read_bytes(),
        stranger.private_key_pem.bytes(),
        b"".join(pem.bytes() for pem in stranger.cert_chain_pems),
    )
    options = (("grpc.ssl_target_name_override", where["server_name"]), ("grpc.enable_http_proxy", 0))
    return grpc.aio.secure_channel(where["address"], credentials, options)
