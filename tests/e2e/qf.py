"""`qf` as a caisse agent runs it: a process of its own."""

import asyncio
import sys
from pathlib import Path

from tests.caisse import BOURGOGNE
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


async def oppose_with_qf(stack: Stack, nir: str) -> None:
    """`qf opposition record`, to every partner of Bourgogne; returns once it is acknowledged."""
    where = ("--caisse", BOURGOGNE, "--channel", "letter", "--nir-file", "-")
    await qf(stack, "opposition", "record", *where, stdin=nir)
