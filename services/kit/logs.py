"""JSON log lines: a constant event name and identifiers. No message of a library or an exception (N5)."""

import logging
import sys
from types import TracebackType

import structlog


def configure(service: str) -> None:
    """Sends every log line of this process to standard output as one JSON object."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
    logging.basicConfig(handlers=[_LibraryHandler()], level=logging.WARNING, force=True)
    sys.excepthook = _log_crash


class _LibraryHandler(logging.Handler):
    """Says where a library logged, not what: its texts may quote requests, rows and addresses."""

    def emit(self, record: logging.LogRecord) -> None:
        error_type = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else None
        structlog.get_logger().log(
            record.levelno,
            "library_logged",
            logger=record.name,
            function=record.funcName,
            line=record.lineno,
            error_type=error_type,
        )


def error_location(error: BaseException) -> str:
    """Where `error` was raised, as `file.py:line function`: safe to log, unlike its text."""
    traceback = error.__traceback__
    if traceback is None:
        return "unknown"
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    code = traceback.tb_frame.f_code
    return f"{code.co_filename.rsplit('/', 1)[-1]}:{traceback.tb_lineno} {code.co_name}"


def _log_crash(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    structlog.get_logger().critical(
        "process_crashed",
        error_type=kind.__name__,
        location=error_location(error.with_traceback(traceback)),
    )
