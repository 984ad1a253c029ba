"""What a running process took of the machine."""

import os
from pathlib import Path

TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


def ticks(pid: int) -> tuple[int, int]:
    """Of a process, and of its children that have ended; none where it has ended itself."""
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12]), int(fields[13]) + int(fields[14])) if fields else (0, 0)


def parent(pid: int) -> int:
    """The process that started it; 0 where it has ended."""
    fields = _stat(pid)
    return int(fields[1]) if fields else 0


def _stat(pid: int) -> list[str]:
    try:
        # Behind the name, which may hold anything (proc_pid_stat(5)).
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return []


def worked_seconds(pid: int) -> float:
    """How long it has had a processor, without its children."""
    return ticks(pid)[0] / TICKS_A_SECOND


def resident_mib(pid: int) -> float:
    """What it holds of the memory now."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024
