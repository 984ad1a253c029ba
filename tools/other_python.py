"""Runs the unit tests on another Python: `python -m tools.other_python 3.13 [PYTEST ARGUMENTS]`.

Its packages go into .tools/venv-VERSION; the project's own .venv stays as it is.
"""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tools.paths import PROJECT, TOOLS_FOLDER, ToolMissing, uv


def find(version: str) -> Path | None:
    """An interpreter of `version` ("3.13") that runs, or None."""
    return next((path for path in _candidates(version) if _answers(path, version)), None)


def install(version: str) -> Path:
    """An interpreter of `version`: one of this machine, or one that uv downloads. Raises ToolMissing."""
    found = find(version)
    if found is None:
        print(f"No Python {version} on this machine; downloading it", flush=True)
        subprocess.run((uv(), "python", "install", "--quiet", version), check=False)
        found = find(version)
    if found is None:
        raise ToolMissing(f"Python {version} is not installed and cannot be downloaded; install it first")
    return found


def run_unit_tests(version: str, pytest_arguments: list[str]) -> int:
    """Runs tests/unit on `version` and returns pytest's exit status. Raises ToolMissing."""
    interpreter = install(version)
    virtual_environment = TOOLS_FOLDER / f"venv-{version}"
    print(
        f"Python {version}: packages of uv.lock into {virtual_environment.relative_to(PROJECT)}", flush=True
    )
    subprocess.run(
        (uv(), "sync", "--frozen", "--quiet", "--python", str(interpreter)),
        cwd=PROJECT,
        env={**os.environ, "UV_PROJECT_ENVIRONMENT": str(virtual_environment)},
        check=True,
    )
    python = virtual_environment / "bin" / "python"
    command = (str(python), "-m", "pytest", "tests/unit", *pytest_arguments)
    return subprocess.run(command, cwd=PROJECT, check=False).returncode


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="other_python", description=__doc__)
    parser.add_argument("version", help="as in 3.13")
    arguments, pytest_arguments = parser.parse_known_args()
    try:
        sys.exit(run_unit_tests(arguments.version, pytest_arguments))
    except ToolMissing as error:
        sys.exit(str(error))
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)


def _candidates(version: str) -> Iterator[Path]:
    # pyenv's shims are on PATH even for versions that are switched off, so its own folder comes first.
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from sorted(pyenv.glob(f"versions/{version}*/bin/python"), reverse=True)
    on_path = shutil.which(f"python{version}")
    if on_path:
        yield Path(on_path)
    downloaded = subprocess.run(
        (uv(), "python", "find", "--managed-python", "--no-project", version),
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    if downloaded:
        yield Path(downloaded)


def _answers(path: Path, version: str) -> bool:
    says_version = "import sys; print('.'.join(map(str, sys.version_info[:2])))"
    try:
        finished = subprocess.run((path, "-c", says_version), capture_output=True, text=True, check=False)
    except OSError:
        return False
    return finished.stdout.strip() == version


if __name__ == "__main__":
    main()
