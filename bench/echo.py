"""The peer: a bare grpc.aio server with TLS and uvloop that returns the bytes it was sent.

python -m bench.echo --port PORT --certificate FILE --private-key FILE
"""

from __future__ import annotations

import argparse
import asyncio
import signal
from pathlib import Path

import grpc
import uvloop

METHOD = "/bench.Echo/Echo"


async def _echo(request: bytes, _context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
    return request


async def serve(port: int, certificate: bytes, private_key: bytes) -> None:
    """Serves on loopback until SIGTERM."""
    server = grpc.aio.server()
    handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(_echo)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("bench.Echo", {"Echo": handler}),))
    credentials = grpc.ssl_server_credentials([(private_key, certificate)])
    server.add_secure_port(f"127.0.0.1:{port}", credentials)
    await server.start()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()
    await server.stop(1)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="bench.echo", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--certificate", type=Path, required=True)
    parser.add_argument("--private-key", type=Path, required=True)
    arguments = parser.parse_args()
    certificate, private_key = arguments.certificate.read_bytes(), arguments.private_key.read_bytes()
    uvloop.run(serve(arguments.port, certificate, private_key))


if __name__ == "__main__":
    main()
