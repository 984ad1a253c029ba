import json
import subprocess
import sys
from typing import Any

SECRET = "269054958815780"
PRELUDE = """
import asyncio, logging, structlog
from services.kit import logs
logs.configure("test")
"""


def run(program: str) -> tuple[list[dict[str, Any]], str]:
    """The log lines that a process of its own prints, and all it prints."""
    finished = subprocess.run(
        [sys.executable, "-c", f"{PRELUDE}{program}"], capture_output=True, text=True, timeout=30, check=False
    )
    return [json.loads(line) for line in finished.stdout.splitlines()], finished.stdout + finished.stderr


def test_a_line_is_one_json_object_with_event_and_service() -> None:
    lines, _ = run("structlog.get_logger().info('server_started', address='127.0.0.1:1')")
    (line,) = lines
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "server_started", "address": "127.0.0.1:1", "level": "info", "service": "test"}


def test_a_library_says_where_it_logged_and_not_what() -> None:
    lines, printed = run(f"logging.getLogger('psycopg').warning('row %s', '{SECRET}')")
    assert SECRET not in printed
    assert [(line["event"], line["logger"], line["level"]) for line in lines] == [
        ("library_logged", "psycopg", "warning")
    ]


def test_an_exception_that_a_library_logs_is_told_by_its_class() -> None:
    lines, printed = run(
        f"try:\n    raise LookupError('{SECRET}')\n"
        f"except LookupError:\n    logging.getLogger('grpc').exception('failed {SECRET}')"
    )
    assert SECRET not in printed
    assert [line["error_type"] for line in lines] == ["LookupError"]


def test_a_crash_is_told_by_class_and_place() -> None:
    lines, printed = run(f"def lose():\n    raise LookupError('{SECRET}')\nlose()")
    assert SECRET not in printed
    (line,) = lines
    assert (line["event"], line["error_type"]) == ("process_crashed", "LookupError")
    assert line["location"].endswith("lose")


def test_a_task_that_nobody_awaited_is_told_without_its_text() -> None:
    lines, printed = run(
        f"async def lose():\n    raise LookupError('{SECRET}')\n"
        "async def main():\n    task = asyncio.create_task(lose())\n    await asyncio.sleep(0)\n    del task\n"
        "    import gc; gc.collect()\n"
        "asyncio.run(main())"
    )
    assert SECRET not in printed
    assert [(line["logger"], line["error_type"]) for line in lines] == [("asyncio", "LookupError")]


def test_what_libraries_say_below_a_warning_is_left_out() -> None:
    lines, _ = run("logging.getLogger('httpx').info('GET /')")
    assert lines == []
