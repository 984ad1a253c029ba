"""Generates and checks what stands in protos/: `python -m tools.protos generate|check|lint|breaking|release`.

generate  writes the Python code beside the protos
check     fails when the code beside the protos is not what they generate
lint      buf lint
breaking  buf breaking, against protos/released.binpb
release   makes the present protos the ones that later versions may not break
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import google.api
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from tools.paths import PROTOS, environment

GENERATED = ("*_pb2.py", "*_pb2.pyi", "*_pb2_grpc.py", "*_pb2_grpc.pyi")
RELEASED = PROTOS / "released.binpb"


class ProtosError(Exception):
    """The protos do not compile or a check does not hold; the text is the tool's own."""


def generate(protos: Path, target: Path) -> None:
    """Writes the Python code of every proto under `protos` to `target`. Raises ProtosError."""
    outputs = ("python_out", "grpc_python_out", "mypy_out", "mypy_grpc_out")
    _protoc(protos, *(f"--{output}={target}" for output in outputs))


def image(protos: Path, *, with_comments: bool = True) -> bytes:
    """The protos and all they import as a serialised FileDescriptorSet. Raises ProtosError."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "image.binpb"
        comments = ("--include_source_info",) if with_comments else ()
        _protoc(protos, f"--descriptor_set_out={file}", "--include_imports", *comments)
        return file.read_bytes()


def descriptors(protos: Path) -> FileDescriptorSet:
    """The protos and all they import, as descriptors. Raises ProtosError."""
    return FileDescriptorSet.FromString(image(protos))


def differences(expected: Path, found: Path) -> list[str]:
    """What is missing, left over or different among the generated files of `found`."""
    wanted, there = _generated_files(expected), _generated_files(found)
    return sorted(
        [f"{name}: missing" for name in wanted.keys() - there.keys()]
        + [f"{name}: no proto generates it" for name in there.keys() - wanted.keys()]
        + [f"{name}: differs" for name in wanted.keys() & there.keys() if wanted[name] != there[name]]
    )


def write_generated(protos: Path = PROTOS) -> None:
    """Brings the code beside the protos up to date, and removes what no proto generates any more."""
    with tempfile.TemporaryDirectory() as folder:
        generate(protos, Path(folder))
        wanted = _generated_files(Path(folder))
    for name in _generated_files(protos).keys() - wanted.keys():
        (protos / name).unlink()
    for name, content in wanted.items():
        (protos / name).write_bytes(content)


def check_generated(protos: Path = PROTOS) -> None:
    """Raises ProtosError when the code beside the protos is not what they generate."""
    with tempfile.TemporaryDirectory() as folder:
        generate(protos, Path(folder))
        found = differences(Path(folder), protos)
    if found:
        raise ProtosError("\n".join([*found, "Run: make protos"]))


def lint(protos: Path = PROTOS) -> None:
    """Raises ProtosError with buf's findings."""
    _buf("lint", image(protos))


def breaking(protos: Path = PROTOS, released: Path = RELEASED) -> None:
    """Raises ProtosError when a client of the released protos would not get on with these."""
    _buf("breaking", image(protos), "--against", str(released))


def release(protos: Path = PROTOS, released: Path = RELEASED) -> None:
    """Makes the present protos the released ones."""
    released.write_bytes(image(protos, with_comments=False))


COMMANDS: Mapping[str, Callable[[], None]] = {
    "generate": write_generated,
    "check": check_generated,
    "lint": lint,
    "breaking": breaking,
    "release": release,
}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="protos", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=COMMANDS)
    try:
        COMMANDS[parser.parse_args().command]()
    except ProtosError as error:
        sys.exit(str(error))


def _generated_files(folder: Path) -> dict[str, bytes]:
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for pattern in GENERATED
        for file in (folder / "msa").rglob(pattern)
    }


def _protoc(protos: Path, *arguments: str) -> None:
    # protoc brings google/protobuf itself; google/api and google/type come from googleapis-common-protos.
    googleapis = Path(google.api.__path__[0]).parent.parent
    files = sorted(file.relative_to(protos).as_posix() for file in (protos / "msa").rglob("*.proto"))
    compiler = (sys.executable, "-m", "grpc_tools.protoc", f"-I{protos}", f"-I{googleapis}")
    _run((*compiler, *arguments, *files), protos)


def _buf(command: str, content: bytes, *arguments: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "image.binpb"
        file.write_bytes(content)
        _run(("buf", command, str(file), *arguments, "--config", str(PROTOS / "buf.yaml")), PROTOS)


def _run(command: Sequence[str], folder: Path) -> None:
    finished = subprocess.run(
        command, cwd=folder, env=environment(), capture_output=True, text=True, check=False
    )
    if finished.returncode != 0:
        raise ProtosError((finished.stdout + finished.stderr).strip())


if __name__ == "__main__":
    main()
