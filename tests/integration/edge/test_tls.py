"""Art. 7-1: modern TLS only."""

import asyncio
import socket
import ssl

import pytest

from tests.integration.edge.running import Edge


async def handshake(edge: Edge, context: ssl.SSLContext) -> tuple[str | None, str | None, str]:
    _, writer = await asyncio.open_connection("127.0.0.1", edge.port, ssl=context)
    secured = writer.get_extra_info("ssl_object")
    writer.close()
    return secured.version(), secured.selected_alpn_protocol(), secured.cipher()[0]


def context_for(edge: Edge) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(edge.ca_file))


async def test_tls_1_3_is_preferred(edge: Edge) -> None:
    version, _, _ = await handshake(edge, context_for(edge))
    assert version == "TLSv1.3"


async def test_tls_1_2_keeps_past_traffic_secret(edge: Edge) -> None:
    context = context_for(edge)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    version, _, cipher = await handshake(edge, context)
    assert version == "TLSv1.2"
    assert cipher.startswith("ECDHE-")
    context.set_ciphers("AES128-GCM-SHA256:AES128-SHA")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await handshake(edge, context)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
async def test_older_tls_is_refused(edge: Edge) -> None:
    context = context_for(edge)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1_1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError, match=r"(?i)protocol.version"):
        await handshake(edge, context)


@pytest.mark.parametrize("protocol", ["h2", "http/1.1"])
async def test_the_http_version_is_negotiated(edge: Edge, protocol: str) -> None:
    context = context_for(edge)
    context.set_alpn_protocols([protocol])
    _, negotiated, _ = await handshake(edge, context)
    assert negotiated == protocol


@pytest.mark.parametrize("curve", ["prime256v1", "secp384r1"])
async def test_the_curves_of_anssi_are_spoken(edge: Edge, curve: str) -> None:
    context = context_for(edge)
    context.set_ecdh_curve(curve)
    version, _, _ = await handshake(edge, context)
    assert version == "TLSv1.3"


async def test_no_other_curve_is(edge: Edge) -> None:
    context = context_for(edge)
    context.set_ecdh_curve("secp521r1")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await handshake(edge, context)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_no_session_is_resumed(edge: Edge, version: ssl.TLSVersion) -> None:
    """There is no ticket key to steal, and a caller that shows a certificate proves its key each time."""
    context = context_for(edge)
    context.minimum_version = context.maximum_version = version

    def call(session: ssl.SSLSession | None) -> tuple[ssl.SSLSession | None, bool | None]:
        with socket.create_connection(("127.0.0.1", edge.port)) as plain:
            secured = context.wrap_socket(plain, server_hostname="127.0.0.1", session=session)
            with secured:
                secured.sendall(b"GET /v1/status HTTP/1.1\r\nhost: edge\r\n\r\n")
                # Tickets of TLS 1.3 come with the first answer.
                assert secured.recv(1000)
                return secured.session, secured.session_reused

    session, _ = await asyncio.to_thread(call, None)
    _, reused = await asyncio.to_thread(call, session)
    assert not reused
