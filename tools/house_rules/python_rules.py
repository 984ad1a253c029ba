"""Rules on Python code anywhere in the project."""

import ast
import re
from collections.abc import Iterator

from tools.house_rules.model import Place, Rule, Source
from tools.house_rules.syntax import dotted_name, imported_modules

_WALL_CLOCK = re.compile(
    r"(?:^|\.)(?:datetime\.(?:now|utcnow|today)|date\.today"
    r"|time\.(?:time|time_ns|localtime|gmtime|ctime|asctime|strftime))$"
)
_LOGGER = re.compile(r"(?:^|\.)(?:_?log|_?logger|logging|get_logger|getLogger)$")
_LOG_METHODS = frozenset({"debug", "info", "warning", "error", "exception", "critical", "fatal", "log"})
_EXCEPTION_NAMES = frozenset({"e", "ex", "exc", "err", "error", "exception"})
_TEXT_METHODS = frozenset({"details", "debug_error_string", "format", "join"})
_EVENT_NAME = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")


def _is_server_code(source: Source) -> bool:
    return source.is_python and source.is_under("services", "gateway", "deploy", "cli")


def _wall_clock(source: Source) -> Iterator[Place]:
    for node in ast.walk(source.tree()):
        if isinstance(node, ast.Attribute) and _WALL_CLOCK.search(dotted_name(node)):
            yield node.lineno, f"{dotted_name(node)} reads the wall clock"
    for line, module in imported_modules(source.tree()):
        if _WALL_CLOCK.search(module):
            yield line, f"{module} reads the wall clock"


def _exception_text_in_log(source: Source) -> Iterator[Place]:
    caught = {
        node.name for node in ast.walk(source.tree()) if isinstance(node, ast.ExceptHandler) and node.name
    }
    exceptions = _Exceptions(_EXCEPTION_NAMES | caught)
    for call in _log_calls(source):
        if dotted_name(call.func).endswith(".exception"):
            yield call.lineno, "a log call named exception() writes the exception's text"
        yield from (
            (call.lineno, f"{keyword.arg}= writes the exception's text") for keyword in _tracebacks(call)
        )
        for argument in (*call.args, *(keyword.value for keyword in call.keywords)):
            if exceptions.are_told_by(argument):
                yield argument.lineno, "the text of an exception goes into the log"


def _log_event_constant(source: Source) -> Iterator[Place]:
    for call in _log_calls(source):
        position = 1 if isinstance(call.func, ast.Attribute) and call.func.attr == "log" else 0
        event = call.args[position] if len(call.args) > position else None
        if not (
            isinstance(event, ast.Constant)
            and isinstance(event.value, str)
            and _EVENT_NAME.fullmatch(event.value)
        ):
            yield call.lineno, "an event is a constant name in snake_case"


def _log_calls(source: Source) -> Iterator[ast.Call]:
    for node in ast.walk(source.tree()):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in _LOG_METHODS
            and _LOGGER.search(dotted_name(node.func.value))
        ):
            yield node


def _tracebacks(call: ast.Call) -> Iterator[ast.keyword]:
    return (keyword for keyword in call.keywords if keyword.arg in ("exc_info", "stack_info"))


class _Exceptions:
    """The names that stand for an exception in a file."""

    def __init__(self, names: frozenset[str]) -> None:
        self._names = names

    def are_told_by(self, value: ast.expr) -> bool:
        """Whether `value` is an exception or its text: itself, str(), repr(), format(), an f-string of it."""
        if isinstance(value, ast.Name):
            return value.id in self._names
        if isinstance(value, ast.Attribute):
            return value.attr in ("args", "details", "message") and self.are_told_by(value.value)
        if isinstance(value, ast.Call):
            return self._are_told_by_call(value)
        return isinstance(value, (ast.JoinedStr, ast.FormattedValue, ast.BinOp, ast.Tuple, ast.List)) and any(
            self.are_told_by(part) for part in ast.iter_child_nodes(value) if isinstance(part, ast.expr)
        )

    def _are_told_by_call(self, call: ast.Call) -> bool:
        name = dotted_name(call.func)
        if name.startswith("traceback.") or name in ("format_exc", "format_exception"):
            return True
        if name in ("str", "repr", "format", "ascii"):
            return any(self.are_told_by(argument) for argument in call.args)
        if isinstance(call.func, ast.Attribute) and call.func.attr in _TEXT_METHODS:
            return any(self.are_told_by(part) for part in (call.func.value, *call.args))
        return False


RULES = (
    Rule(
        id="wall-clock",
        reason="every clock is injected; only services/kit/clock.py reads the machine's",
        applies_to=lambda source: source.is_python and str(source.path) != "services/kit/clock.py",
        find=_wall_clock,
    ),
    Rule(
        id="exception-text-in-log",
        reason="an exception's text may quote a NIR, a name or a row (N5); log its class and error_location()",
        applies_to=_is_server_code,
        find=_exception_text_in_log,
    ),
    Rule(
        id="log-event-constant",
        reason="constant events with identifiers can be searched and hold no value (N5)",
        applies_to=_is_server_code,
        find=_log_event_constant,
    ),
)
