"""Where things lie."""

import os
import shutil
import sysconfig
from collections.abc import Mapping
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
PROTOS = PROJECT / "protos"
TOOLS_FOLDER = PROJECT / ".tools"


class ToolMissing(Exception):
    """A command that is needed cannot be found; the text says how to get it."""


def environment() -> Mapping[str, str]:
    """The environment for commands, with those of this virtual environment before all others."""
    return {**os.environ, "PATH": f"{sysconfig.get_path('scripts')}{os.pathsep}{os.environ.get('PATH', '')}"}


def uv() -> str:
    """The uv that `make` uses. Raises ToolMissing."""
    private = TOOLS_FOLDER / "uv" / "bin" / "uv"
    found = shutil.which("uv") or (str(private) if private.exists() else None)
    if found is None:
        raise ToolMissing("uv is not installed; `make install` installs it")
    return found
