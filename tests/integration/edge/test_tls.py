"""Art. 7-1: modern TLS only."""

import asyncio
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
