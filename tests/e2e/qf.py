"""`qf` as a caisse agent runs it: a process of its own."""

import asyncio
import sys
from pathlib import Path

from tests.stack import Stack

QF = Path(sys.executable).with_name("qf")


async def qf(stack: Stack, *arguments: str, stdin: str = "") -> str:
    """What `qf ARGUMENTS` prints; what it reads (a NIR, a password) goes through `stdin`, never `arguments`."""
    process = await asyncio.create_subprocess_exec(
        QF,
        "--config",
        str(stack.layout.qf_config_file),
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    printed, complaint = await process.communicate(stdin.encode())
    assert process.returncode == 0, complaint.decode()
    return printed.decode()
