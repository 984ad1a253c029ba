"""Many who try to sign in at once, until SIGTERM: `python -m bench.sign_ins_client ROOT PORTS AT_ONCE`.

Prints how many were answered, and how many were told to wait. `bench.sign_ins` starts it.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import secrets
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
from google.rpc import error_details_pb2

from deploy.local.channels import internal_channel
from deploy.local.layout import Layout
from deploy.local.settings import Ports
from msa.identity.v1 import session_service_pb2 as pb
from msa.identity.v1.session_service_pb2_grpc import SessionServiceStub
from services.kit.status import status_of

if TYPE_CHECKING:  # in the stubs only
    from msa.identity.v1.session_service_pb2_grpc import SessionServiceAsyncStub

TIMEOUT_SECONDS = 5.0
PAUSE_SECONDS = 0.1


@dataclass
class Counts:
    """What became of the sign-ins."""

    answered: int = 0
    told_to_wait: int = 0


async def flood(channel: grpc.aio.Channel, at_once: int, counts: Counts) -> None:
    """Keeps so many sign-ins under way, until it is cancelled."""
    stub = SessionServiceStub(channel)

    async def insist(number: int) -> None:
        for turn in itertools.count():
            request = pb.SignInRequest(
                login=f"x21-{secrets.token_hex(3)}",
                password="not the password",
                client=pb.ClientContext(network_prefix=f"10.{number}.{turn % 256}.0/24"),
            )
            await asyncio.sleep(await _seconds_to_wait(stub, request, counts))

    await asyncio.gather(*(insist(number) for number in range(at_once)))


async def _seconds_to_wait(stub: SessionServiceAsyncStub, request: pb.SignInRequest, counts: Counts) -> float:
    try:
        await stub.SignIn(request, timeout=TIMEOUT_SECONDS)
    except grpc.aio.AioRpcError as error:
        delay = error_details_pb2.RetryInfo()
        if any(detail.Is(delay.DESCRIPTOR) and detail.Unpack(delay) for detail in status_of(error).details):
            counts.told_to_wait += 1
            return float(delay.retry_delay.ToTimedelta().total_seconds())
        counts.answered += error.code() is grpc.StatusCode.UNAUTHENTICATED
    return PAUSE_SECONDS


async def main(root: Path, ports: Ports, at_once: int) -> Counts:
    """Floods identity until SIGTERM."""
    counts, stop = Counts(), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with internal_channel(Layout(root), ports, "identity", "gateway") as channel:
        flooding = asyncio.create_task(flood(channel, at_once, counts))
        await stop.wait()
        flooding.cancel()
        await asyncio.gather(flooding, return_exceptions=True)
    return counts


if __name__ == "__main__":
    # Elsewhere they would have machines of their own: here they must not slow those who are measured.
    os.nice(19)
    _, root, ports, at_once = sys.argv
    counted = asyncio.run(main(Path(root), Ports.model_validate_json(ports), int(at_once)))
    print(counted.answered, counted.told_to_wait)  # this is what bench.sign_ins reads
