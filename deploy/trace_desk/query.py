"""Which traces are asked for."""

from collections.abc import Iterable, Mapping

from pydantic import Field, ValidationError

from deploy.trace_desk.trace import Trace
from services.kit.config import Section


class InvalidQuery(Exception):
    """The query cannot be used; the text names each parameter and what is wrong with it."""


class TraceQuery(Section):
    """Conditions that a trace meets all of; what is not given asks for nothing."""

    service: str = ""
    error: bool = False
    min_duration_ms: float = Field(default=0, ge=0, allow_inf_nan=False)
    name: str = ""
    limit: int = Field(default=100, ge=1, le=1000)

    @classmethod
    def parse(cls, parameters: Mapping[str, str]) -> "TraceQuery":
        """Reads the parameters of a URL; an empty one counts as not given.

        Raises:
            InvalidQuery: one is unknown or has a wrong value.
        """
        try:
            return cls.model_validate(
                {key: value.strip() for key, value in parameters.items() if value.strip()}
            )
        except ValidationError as error:
            raise InvalidQuery("; ".join(_explained(problem) for problem in error.errors())) from None

    def select(self, traces: Iterable[Trace]) -> list[Trace]:
        """Those of `traces` that meet the conditions, in their order. `limit` is left to the caller."""
        return [trace for trace in traces if self._matches(trace)]

    def _matches(self, trace: Trace) -> bool:
        wanted = self.name.lower()
        return (
            (not self.service or self.service in trace.services)
            and (not self.error or trace.error_count > 0)
            and trace.duration_nano >= self.min_duration_ms * 1e6
            and (not wanted or any(wanted in name for name in trace.lower_case_names))
        )


def _explained(problem: Mapping[str, object]) -> str:
    location = problem["loc"]
    key = location[0] if isinstance(location, tuple) and location else "query"
    if problem["type"] == "extra_forbidden":
        return f"{key}: unknown; known are {', '.join(TraceQuery.model_fields)}"
    return f"{key}: {problem['msg']}"
