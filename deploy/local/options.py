"""What the command line and the environment ask of one start."""

from collections.abc import Sequence
from dataclasses import dataclass

from deploy.local.errors import LocalStackError
from deploy.local.settings import HOST, OTLP_ENDPOINT_VARIABLE, Overrides, Ports


@dataclass(frozen=True)
class Options:
    """`only` names parts; none means all. `other_otlp_endpoint` takes the trace desk's place; empty means the desk."""

    ports: Ports
    overrides: Overrides
    with_demo: bool
    always_open: bool
    only: Sequence[str]
    other_otlp_endpoint: str = ""

    def __post_init__(self) -> None:
        if self.other_otlp_endpoint and not self.other_otlp_endpoint.startswith(("http://", "https://")):
            raise LocalStackError(
                f"{OTLP_ENDPOINT_VARIABLE}={self.other_otlp_endpoint} cannot be used;"
                " write http://HOST:4317, where OTLP/gRPC is received."
            )

    @property
    def otlp_endpoint(self) -> str:
        """Where every component sends its spans."""
        return self.other_otlp_endpoint or f"http://{HOST}:{self.ports.otlp_port}"

    @property
    def with_trace_desk(self) -> bool:
        """Whether the spans are shown here."""
        return not self.other_otlp_endpoint

    @property
    def ports_in_use(self) -> dict[str, int]:
        """The ports that this start listens on, by their field in `Ports`."""
        unused = () if self.with_trace_desk else ("otlp_port", "trace_desk_port")
        return {field: port for field, port in self.ports.model_dump().items() if field not in unused}
