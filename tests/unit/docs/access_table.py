"""The table of `docs/guides/access.md`, and the RPCs and certificates that it must tell of."""

import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

from google.protobuf.descriptor import FileDescriptor
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

from deploy.local.certificates import CERTIFICATES

PROJECT = Path(__file__).resolve().parents[3]
SERVERS = ("identity", "partners", "quotient")
OTHER_CA, NONE = "another CA", "none"
CERTIFICATE_COLUMNS = (*CERTIFICATES, OTHER_CA, NONE)
ALLOWED, REFUSED, NO_TLS = "✓", "refused", "no TLS"


@dataclass(frozen=True)
class Rpc:
    """A method that a server has."""

    server: str
    service: str
    """Its full name."""
    name: str
    streams_requests: bool = False
    streams_responses: bool = False

    @property
    def path(self) -> str:
        """As gRPC names it."""
        return f"/{self.service}/{self.name}"

    @property
    def row(self) -> tuple[str, str]:
        """As the table names it."""
        return self.server, f"{self.service.rpartition('.')[2]}.{self.name}"


def rpcs() -> Iterator[Rpc]:
    """Every method in the descriptors of every internal server: its own, health, reflection."""
    for server in SERVERS:
        # Any: the stubs of the last two give another name to the same class.
        files: list[Any] = [*_own_files(server), health_pb2.DESCRIPTOR, reflection_pb2.DESCRIPTOR]
        for file in files:
            for service in file.services_by_name.values():
                for method in service.methods:
                    yield Rpc(
                        server,
                        service.full_name,
                        method.name,
                        method.client_streaming,
                        method.server_streaming,
                    )


def table() -> Mapping[tuple[str, str], Mapping[str, str]]:
    """Each row, by server and RPC: what stands in its other columns, by their heading."""
    lines = (PROJECT / "docs" / "guides" / "access.md").read_text(encoding="utf-8").splitlines()
    first = lines.index(next(line for line in lines if line.startswith("| server | RPC |")))
    heading, _, *rows = (_cells(line) for line in takewhile(bool, lines[first:]))
    found = {(server, rpc): dict(zip(heading[2:], cells, strict=True)) for server, rpc, *cells in rows}
    assert len(found) == len(rows), "an RPC has two rows"
    return found


def _own_files(server: str) -> Iterator[FileDescriptor]:
    folder = PROJECT / "protos" / "msa" / server / "v1"
    for path in sorted(folder.glob("*_pb2.py")):
        yield importlib.import_module(f"msa.{server}.v1.{path.stem}").DESCRIPTOR


def _cells(line: str) -> list[str]:
    return [cell.strip(" `") for cell in line.strip("|").split("|")]
