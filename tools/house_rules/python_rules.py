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
    for call in _log_calls(source):
        if dotted_name(call.func).endswith(".exception"):
            yield call.lineno, "a log call named exception() writes the exception's text"
        yield from (
            (call.lineno, f"{keyword.arg}= writes the exception's text") for keyword in _tracebacks(call)
        )
        for argument in (*call.args, *(keyword.value for keyword in call.keywords)):
            if _tells_exception(argument):
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


def _tells_exception(argument: ast.expr) -> bool:
    """Whether the value is an exception or its text: itself, str(), repr(), format() or an f-string of it."""
    if isinstance(argument, ast.Name):
        return argument.id in _EXCEPTION_NAMES
    if isinstance(argument, ast.JoinedStr):
        return any(
            _tells_exception(part.value) for part in argument.values if isinstance(part, ast.FormattedValue)
        )
    if isinstance(argument, ast.BinOp):
        return _tells_exception(argument.left) or _tells_exception(argument.right)
    if isinstance(argument, ast.Attribute):
        return argument.attr in ("args", "details", "message") and _tells_exception(argument.value)
    if isinstance(argument, ast.Call):
        return _call_tells_exception(argument)
    return False


def _call_tells_exception(call: ast.Call) -> bool:
    name = dotted_name(call.func)
    if name.startswith("traceback.") or name in ("format_exc", "format_exception"):
        return True
    if name in ("str", "repr", "format", "ascii"):
        return any(_tells_exception(argument) for argument in call.args)
    return isinstance(call.func, ast.Attribute) and (
        call.func.attr in ("details", "debug_error_string", "format", "join")
        and (_tells_exception(call.func.value) or any(_tells_exception(argument) for argument in call.args))
    )


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
