"""Processes by identity (pid and start time, for pids are reused): which are ours, how to start and to end them."""

import asyncio
import json
import os
import shutil
import signal
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic

from deploy.local.layout import PROJECT, write_private

POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Process:
    """One process that the stack started, which leads a process group of its own."""

    pid: int
    start_time: int
    stop_signal: int = signal.SIGTERM

    @classmethod
    def of(cls, pid: int, stop_signal: int = signal.SIGTERM) -> "Process | None":
        """The live process with this pid, or None."""
        start_time = _start_time(pid)
        return None if start_time is None else cls(pid, start_time, stop_signal)

    def is_alive(self) -> bool:
        """Whether this very process runs; a later one with its pid does not count."""
        return _start_time(self.pid) == self.start_time

    def send(self, number: int) -> None:
        """Sends a signal, if it still runs."""
        if self.is_alive():
            os.kill(self.pid, number)

    async def ended_within(self, seconds: float) -> bool:
        """Waits for its end; False when the time is up."""
        deadline = monotonic() + seconds
        while self.is_alive():
            if monotonic() > deadline:
                return False
            await asyncio.sleep(POLL_SECONDS)
        return True

    async def end(self, seconds: float) -> None:
        """Asks it to stop, and kills it with its group when it has not within `seconds`."""
        if not self.is_alive():
            return
        self.send(self.stop_signal)
        if not await self.ended_within(seconds):
            self.send(signal.SIGKILL)
            await self.ended_within(seconds)
        kill_group(self.pid)


def kill_group(pid: int) -> None:
    """Ends what a process left behind in its group; call right after its end, while the number cannot be another's."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def _start_time(pid: int) -> int | None:
    """Clock ticks from boot to the start of a live process (field 22 of /proc/PID/stat)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])


class ProcessFile:
    """`run/processes.json`: name → process, so that the next start recognises what a killed run left."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._processes: dict[str, Process] = {}

    def read(self) -> dict[str, Process]:
        """What the file says; nothing if it is not there or was cut."""
        try:
            rows: dict[str, dict[str, int]] = json.loads(self._path.read_text())
            return {name: Process(**row) for name, row in rows.items()}
        except (OSError, ValueError, TypeError):
            return {}

    def add(self, name: str, process: Process) -> None:
        """Remembers a process that was started."""
        self._processes[name] = process
        self._write()

    def remove(self, name: str) -> None:
        """Forgets a process that ended."""
        self._processes.pop(name, None)
        self._write()

    def _write(self) -> None:
        rows = {name: asdict(process) for name, process in self._processes.items()}
        write_private(self._path, json.dumps(rows, indent=2).encode())


async def end_left_overs(file: ProcessFile, seconds: float = 10) -> list[str]:
    """Ends what an earlier, killed run left running; returns their names. Nothing else is touched."""
    left = {name: process for name, process in file.read().items() if process.is_alive()}
    await asyncio.gather(*(process.end(seconds) for process in left.values()))
    return list(left)


async def spawn(command: Sequence[str], log: Path, stop_signal: int) -> asyncio.subprocess.Process:
    """Starts a command whose output goes to `log`, out of reach of the terminal's Ctrl-C, ending with its parent."""
    with log.open("ab") as output:
        return await asyncio.create_subprocess_exec(
            *ending_with_parent(command, stop_signal),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=asyncio.subprocess.STDOUT,
            cwd=PROJECT,
            start_new_session=True,
        )


def ending_with_parent(command: Sequence[str], stop_signal: int) -> tuple[str, ...]:
    """The kernel sends `stop_signal` when the supervisor dies, even by `kill -9` (PR_SET_PDEATHSIG).

    By `setpriv`, which becomes the command: a hook between fork and exec would fork gRPC's threads.
    """
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        return tuple(command)
    if Path(command[0]).name == "setpriv":
        return (setpriv, "--pdeathsig", signal.Signals(stop_signal).name[3:], *command[1:])
    return (setpriv, "--pdeathsig", signal.Signals(stop_signal).name[3:], "--", *command)
