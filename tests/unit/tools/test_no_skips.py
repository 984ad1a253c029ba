import subprocess
import sys
from pathlib import Path

import pytest

SKIPPING = {
    "call": "import pytest\ndef test_x():\n    pytest.skip('no database')",
    "mark": "import pytest\n@pytest.mark.skip(reason='no database')\ndef test_x():\n    assert True",
    "xfail": "import pytest\n@pytest.mark.xfail(reason='no database')\ndef test_x():\n    assert False",
    "module": "import pytest\npytest.skip('no database', allow_module_level=True)",
    "fixture": (
        "import pytest\n@pytest.fixture\ndef f():\n    pytest.skip('no database')\ndef test_x(f):\n    assert f"
    ),
}


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """A test file for each way not to run, and one that runs."""
    for name, program in {**SKIPPING, "running": "def test_x():\n    assert True"}.items():
        (tmp_path / f"test_{name}.py").write_text(program)
    return tmp_path


def run(suite: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = (
        sys.executable,
        "-m",
        "pytest",
        "-c",
        "/dev/null",
        f"--rootdir={suite}",
        "-p",
        "no:cacheprovider",
    )
    return subprocess.run(
        (*command, "--continue-on-collection-errors", *arguments, str(suite)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_test_that_does_not_run_fails(suite: Path) -> None:
    finished = run(suite, "-p", "tests.no_skips")
    assert finished.returncode == 1
    assert "2 failed, 1 passed, 3 errors" in finished.stdout
    assert finished.stdout.count("A test that does not run keeps no promise: ") >= len(SKIPPING)
    assert finished.stdout.count("no database") >= len(SKIPPING)
    assert "skipped" not in finished.stdout.splitlines()[-1]


def test_without_the_plugin_it_would_have_passed(suite: Path) -> None:
    finished = run(suite)
    assert finished.returncode == 0
    assert "1 passed, 4 skipped, 1 xfailed" in finished.stdout
