"""One run of h2load (Debian's nghttp2-client), and what its log of requests says."""

import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

HTTP_OK = "200"


class BenchError(Exception):
    """The measurement cannot be made; the text names the remedy."""


@dataclass(frozen=True)
class Target:
    """What is asked, again and again."""

    name: str
    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Figures:
    """What one run saw. Latencies are those of answered requests."""

    target: str
    clients: int
    requests_per_second: float
    p50_ms: float
    p99_ms: float
    answered: int
    failed: int


def grpc_frame(message: bytes) -> bytes:
    """`message` as one length-prefixed gRPC message, not compressed."""
    return b"\x00" + len(message).to_bytes(4, "big") + message


def run(target: Target, clients: int, seconds: int) -> Figures:
    """Loads `target` with `clients` connections of one request at a time for `seconds`, after a second's warm-up.

    Raises BenchError when h2load is missing or gets no answer.
    """
    with tempfile.TemporaryDirectory() as folder:
        body, log = Path(folder, "body"), Path(folder, "log")
        body.write_bytes(target.body)
        finished = subprocess.run(
            [program(), *_options(target, clients, seconds, body, log)],
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds + 60,
        )
        if finished.returncode != 0 or not log.exists():
            raise BenchError(f"h2load failed: {finished.stderr.strip() or finished.stdout.strip()}")
        return _figures(target.name, clients, seconds, log.read_text())


def _options(target: Target, clients: int, seconds: int, body: Path, log: Path) -> list[str]:
    headers = [f"--header={name}: {value}" for name, value in target.headers.items()]
    return [
        f"--clients={clients}",
        "--threads=1",
        "--max-concurrent-streams=1",
        f"--duration={seconds}",
        "--warm-up-time=1",
        f"--data={body}",
        f"--log-file={log}",
        *headers,
        target.url,
    ]


def _figures(name: str, clients: int, seconds: int, log: str) -> Figures:
    # Each line: start in microseconds, HTTP status, duration in microseconds.
    rows = [line.split("\t") for line in log.splitlines()]
    durations_ms = sorted(int(row[2]) / 1000 for row in rows if row[1] == HTTP_OK)
    if len(durations_ms) < 2:
        raise BenchError(f"{name}: no request was answered with {HTTP_OK}")
    cuts = statistics.quantiles(durations_ms, n=100)
    return Figures(
        target=name,
        clients=clients,
        requests_per_second=len(durations_ms) / seconds,
        p50_ms=cuts[49],
        p99_ms=cuts[98],
        answered=len(durations_ms),
        failed=len(rows) - len(durations_ms),
    )


def program() -> str:
    """Where h2load is. Raises BenchError that says how to install it."""
    found = shutil.which("h2load")
    if found is None:
        raise BenchError("h2load is not installed; on Debian: apt-get install nghttp2-client")
    return found
