"""`qf` against one stack; what is confidential reaches it through standard input or a file."""

import asyncio
import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from cli.root import app

# What an argument never looks like (N5).
_NIR = re.compile(r"[1-478][0-9]{4}[0-9AB]{2}[0-9]{8}")


@dataclass(frozen=True)
class Told:
    """What a command said."""

    status: int
    stdout: str
    stderr: str


class Qf:
    """Runs commands, in a thread of this process unless told otherwise."""

    def __init__(self, config: Path) -> None:
        self._config = config

    async def run(self, *arguments: str, stdin: str = "") -> Told:
        """Runs a command to its end."""
        result = await asyncio.to_thread(CliRunner().invoke, app, self._complete(arguments), input=stdin)
        assert "Traceback" not in result.stderr
        return Told(result.exit_code, result.stdout, result.stderr)

    async def json(self, *arguments: str, stdin: str = "") -> Any:
        """What a command that succeeds prints with --json."""
        told = await self.run(*arguments, "--json", stdin=stdin)
        assert told.status == 0, told.stderr
        return json.loads(told.stdout)

    async def start(self, *arguments: str) -> asyncio.subprocess.Process:
        """Starts a command as a process of its own; the caller talks to it."""
        # A shell has what runs in its background ignore an interrupt; a terminal does not.
        as_in_a_terminal = ("env", "--default-signal=INT")
        return await asyncio.create_subprocess_exec(
            *(*as_in_a_terminal, sys.executable, "-m", "cli", *self._complete(arguments)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    def _complete(self, arguments: tuple[str, ...]) -> list[str]:
        assert not any(_NIR.search(argument) for argument in arguments)
        return [*arguments, "--config", str(self._config)]


async def shown_by_the_system(process: asyncio.subprocess.Process) -> bytes:
    """The arguments and the environment that the machine shows of a command that waits for its input."""
    system = Path(f"/proc/{process.pid}")
    itself = sys.executable.encode()
    # Before it is `qf`, the process is what starts it, and for a moment neither: then no argument is shown.
    while not (arguments := await asyncio.to_thread((system / "cmdline").read_bytes)).startswith(itself):
        assert process.returncode is None
        await asyncio.sleep(0.01)
    return arguments + await asyncio.to_thread((system / "environ").read_bytes)
