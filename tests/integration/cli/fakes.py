"""The three services as fakes in this process, over real mutual TLS, and a `qf` that is configured for them."""

import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent import futures
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import grpc
import trustme
from google.rpc import code_pb2, status_pb2
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from typer.testing import CliRunner, Result

from cli.root import app
from msa.identity.v1 import (
    account_service_pb2_grpc,
    security_event_service_pb2_grpc,
    use_service_pb2_grpc,
)
from msa.identity.v1 import outbox_service_pb2_grpc as identity_outbox
from msa.partners.v1 import (
    access_request_service_pb2_grpc,
    caisse_agent_service_pb2_grpc,
    caisse_settings_service_pb2_grpc,
    convention_service_pb2_grpc,
    deadline_service_pb2_grpc,
    habilitation_service_pb2_grpc,
    history_service_pb2_grpc,
    partner_service_pb2_grpc,
)
from msa.partners.v1 import outbox_service_pb2_grpc as partners_outbox
from msa.quotient.v1 import dossier_service_pb2 as dossier_pb
from msa.quotient.v1 import dossier_service_pb2_grpc as dossier_rpc
from msa.quotient.v1 import journal_service_pb2_grpc
from services.kit.errors import DomainError
from services.kit.status import DETAILS_KEY, to_status

# What each server answers as the test wrote it down. Quotient's dossiers are a stream; most of its
# other services are missing.
_SCRIPTED: Mapping[str, Sequence[ModuleType]] = {
    "identity": (
        account_service_pb2_grpc,
        security_event_service_pb2_grpc,
        use_service_pb2_grpc,
        identity_outbox,
    ),
    "partners": (
        access_request_service_pb2_grpc,
        caisse_agent_service_pb2_grpc,
        caisse_settings_service_pb2_grpc,
        convention_service_pb2_grpc,
        deadline_service_pb2_grpc,
        habilitation_service_pb2_grpc,
        history_service_pb2_grpc,
        partner_service_pb2_grpc,
        partners_outbox,
    ),
    "quotient": (journal_service_pb2_grpc,),
}
SERVICES = tuple(_SCRIPTED)
Reply = Callable[[Any], Any]


class Refusal(Exception):
    """Makes a fake answer with this status."""

    def __init__(self, status: status_pb2.Status) -> None:
        super().__init__(status.code)
        self.status = status


def refuse(error: DomainError) -> Reply:
    """A reply that refuses with this error."""

    def reply(_: Any) -> Any:
        raise Refusal(to_status(error))

    return reply


class Script:
    """What the fakes answer: one function for each RPC by name; it returns a reply or raises Refusal.

    The name of the server goes before that of an RPC which two have: "partners.LeaseMessages".
    """

    def __init__(self) -> None:
        self.replies: dict[str, Reply] = {}
        self.requests: list[Any] = []
        self.metadata: list[dict[str, str | bytes]] = []
        self.is_stopping = threading.Event()

    def record(self, request: Any, context: grpc.ServicerContext) -> None:
        """Keeps a request that reached a fake."""
        self.requests.append(request)
        self.metadata.append(dict(context.invocation_metadata()))

    def answer(self, server: str, rpc: str, request: Any, context: grpc.ServicerContext) -> Any:
        """Answers `rpc` of `server` as the test wrote it down."""
        self.record(request, context)
        try:
            return (self.replies.get(f"{server}.{rpc}") or self.replies[rpc])(request)
        except Refusal as refusal:
            context.set_trailing_metadata(((DETAILS_KEY, refusal.status.SerializeToString()),))
            context.abort(_CODES[refusal.status.code], refusal.status.message)


_CODES = {code.value[0]: code for code in grpc.StatusCode}


def _add_scripted(module: Any, server_name: str, script: Script, server: grpc.Server) -> None:
    """Adds every service of `module`; each of its methods asks the script."""

    def method(rpc: str) -> Callable[..., Any]:
        return lambda _, request, context: script.answer(server_name, rpc, request, context)

    for name in [name for name in vars(module) if name.endswith("Servicer")]:
        base = getattr(module, name)
        rpcs = [rpc for rpc, value in vars(base).items() if callable(value)]
        servicer = type(name, (base,), {rpc: method(rpc) for rpc in rpcs})()
        getattr(module, f"add_{name}_to_server")(servicer, server)


class _Dossiers(dossier_rpc.DossierServiceServicer):
    """Chunks are answered as the test wrote it down, and counted as the service counts them."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._open: dict[str, dossier_pb.Publication] = {}

    def BeginPublication(  # noqa: N802  # the name in the protos
        self, request: dossier_pb.BeginPublicationRequest, context: grpc.ServicerContext
    ) -> dossier_pb.BeginPublicationResponse:
        self._script.record(request, context)
        key = request.SerializeToString(deterministic=True).hex()
        new = dossier_pb.Publication(publication_id=key, kind=request.kind, reference=request.reference)
        return dossier_pb.BeginPublicationResponse(publication=self._open.setdefault(key, new))

    def PublishDossiers(  # noqa: N802  # the name in the protos
        self, request_iterator: Iterator[dossier_pb.PublishDossiersRequest], context: grpc.ServicerContext
    ) -> Iterator[dossier_pb.PublishDossiersResponse]:
        for request in request_iterator:
            response = self._script.answer("quotient", "PublishDossiers", request, context)
            publication = self._open[request.publication_id]
            if request.last_line > publication.last_line:
                _count(publication, request, response)
            yield response

    def FinishPublication(  # noqa: N802  # the name in the protos
        self, request: dossier_pb.FinishPublicationRequest, context: grpc.ServicerContext
    ) -> dossier_pb.FinishPublicationResponse:
        self._script.record(request, context)
        return dossier_pb.FinishPublicationResponse(publication=self._open.pop(request.publication_id))

    def ListPublications(  # noqa: N802  # the name in the protos
        self, request: dossier_pb.ListPublicationsRequest, context: grpc.ServicerContext
    ) -> dossier_pb.ListPublicationsResponse:
        self._script.record(request, context)
        return dossier_pb.ListPublicationsResponse(publications=[*self._open.values()][::-1])


def _count(
    publication: dossier_pb.Publication,
    request: dossier_pb.PublishDossiersRequest,
    response: dossier_pb.PublishDossiersResponse,
) -> None:
    met = Counter(result.outcome for result in response.results)
    publication.last_line = request.last_line
    publication.created_count += met[dossier_pb.PUBLICATION_OUTCOME_CREATED]
    publication.updated_count += met[dossier_pb.PUBLICATION_OUTCOME_UPDATED]
    publication.unchanged_count += met[dossier_pb.PUBLICATION_OUTCOME_UNCHANGED]
    publication.refused_count += met[dossier_pb.PUBLICATION_OUTCOME_REFUSED] + request.refused_count


@dataclass
class Fakes:
    """The fakes at work, and how to call `qf` against them."""

    folder: Path
    ca: trustme.CA
    script: Script
    servers: dict[str, grpc.Server] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)

    @property
    def config(self) -> Path:
        """`qf`'s configuration."""
        return self.folder / "qf.toml"

    def start(self) -> None:
        """Starts the three and writes the configuration."""
        for name in SERVICES:
            self.servers[name] = self._server(name)
        self.write_config()

    def stop(self, name: str) -> None:
        """Stops one; its port is free afterwards."""
        self.servers[name].stop(None).wait()

    def write_config(
        self, client: str = "qf.qf.internal", ca: trustme.CA | None = None, more: str = ""
    ) -> None:
        """Writes the configuration, with the certificate of `client` from `ca`."""
        (self.folder / "ca.pem").write_bytes(self.ca.cert_pem.bytes())
        certificate = (ca or self.ca).issue_cert(client)
        certificate.private_key_pem.write_to_path(self.folder / "qf.key")
        (self.folder / "qf.pem").write_bytes(b"".join(blob.bytes() for blob in certificate.cert_chain_pems))
        tables = "".join(
            f'\n[services.{name}]\naddress = "{self.addresses[name]}"\nserver_name = "{name}.qf.internal"\n'
            f"timeout_seconds = 1\n"
            for name in SERVICES
        )
        self.config.write_text(
            f'{more}[tls]\ncertificate_file = "{self.folder}/qf.pem"\nprivate_key_file = "{self.folder}/qf.key"\n'
            f'ca_file = "{self.folder}/ca.pem"\n{tables}'
        )

    def sent(self, kind: type) -> list[Any]:
        """The requests of this kind that reached the services."""
        return [request for request in self.script.requests if isinstance(request, kind)]

    def changes(self) -> list[Any]:
        """The requests that reached the services and ask for more than to be shown something."""
        return [
            request
            for request in self.script.requests
            if not type(request).__name__.startswith(("Get", "List"))
        ]

    def json(self, *arguments: str, stdin: str | bytes = "") -> Any:
        """What a command that succeeds prints with --json."""
        result = self.qf(*arguments, "--json", stdin=stdin)
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    def qf(self, *arguments: str, stdin: str | bytes = "") -> Result:
        """Runs a command in this process."""
        return CliRunner().invoke(app, ["--config", str(self.config), *arguments], input=stdin)

    def qf_process(
        self, *arguments: str, stdin: bytes = b"", environ: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        """Runs a command in a process of its own."""
        return subprocess.run(
            [sys.executable, "-m", "cli", *arguments],
            input=stdin,
            capture_output=True,
            check=False,
            timeout=60,
            env=environ,
        )

    def _server(self, name: str) -> grpc.Server:
        server = grpc.server(futures.ThreadPoolExecutor(4), options=[("grpc.so_reuseport", 0)])
        self._add_services(name, server)
        certificate = self.ca.issue_cert(f"{name}.qf.internal")
        credentials = grpc.ssl_server_credentials(
            [(certificate.private_key_pem.bytes(), certificate.cert_chain_pems[0].bytes())],
            self.ca.cert_pem.bytes(),
            require_client_auth=True,
        )
        self.addresses[name] = f"127.0.0.1:{server.add_secure_port('127.0.0.1:0', credentials)}"
        server.start()
        return server

    def _add_services(self, name: str, server: grpc.Server) -> None:
        checks = health.HealthServicer()
        checks.set("", health_pb2.HealthCheckResponse.SERVING)
        health_pb2_grpc.add_HealthServicer_to_server(checks, server)
        for module in _SCRIPTED[name]:
            _add_scripted(module, name, self.script, server)
        if name == "quotient":
            dossier_rpc.add_DossierServiceServicer_to_server(_Dossiers(self.script), server)


def foreign_status(code: "code_pb2.Code", message: str) -> status_pb2.Status:
    """A status that carries no reason of ours."""
    return status_pb2.Status(code=code, message=message)


def published(
    outcomes: Sequence["dossier_pb.PublicationOutcome.ValueType"],
) -> dossier_pb.PublishDossiersResponse:
    """The answer to a chunk."""
    return dossier_pb.PublishDossiersResponse(
        results=[dossier_pb.PublishedRecord(outcome=outcome) for outcome in outcomes]
    )
