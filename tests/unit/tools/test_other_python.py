import sys
from pathlib import Path

import pytest

from tools import other_python
from tools.paths import ToolMissing

VERSION = ".".join(map(str, sys.version_info[:2]))


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The interpreters of the machine."""
    found: list[Path] = []
    monkeypatch.setattr(other_python, "_candidates", lambda version: iter(found))
    return found


def test_an_interpreter_that_does_not_run_is_passed_over(only: list[Path], tmp_path: Path) -> None:
    shim = tmp_path / "python"
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    only.extend([tmp_path / "absent", shim, Path(sys.executable)])
    assert other_python.find(VERSION) == Path(sys.executable)


def test_an_interpreter_of_another_version_is_passed_over(only: list[Path]) -> None:
    only.append(Path(sys.executable))
    assert other_python.find("3.99") is None


def test_where_none_can_be_had_it_is_told(only: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(other_python, "uv", lambda: "/bin/false")
    with pytest.raises(ToolMissing, match=r"Python 3\.99"):
        other_python.install("3.99")
    assert only == []
