from pathlib import Path

import pytest

from tools import browser
from tools.paths import ToolMissing


@pytest.fixture
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without a browser; its PATH and its Playwright cache are the folder."""
    monkeypatch.delenv("QF_BROWSER", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path))
    monkeypatch.setattr(browser, "USUAL_PLACES", ())
    return tmp_path


def program(file: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("#!/bin/sh\n")
    file.chmod(0o755)
    return file


def test_a_browser_of_the_machine_is_found(bare_machine: Path) -> None:
    chrome = program(bare_machine / "google-chrome")
    assert browser.find() == chrome


def test_one_that_playwright_keeps_is_found(bare_machine: Path) -> None:
    chrome = program(bare_machine / "chromium-1200/chrome-linux/chrome")
    assert browser.find() == chrome


def test_the_one_that_is_named_comes_first(bare_machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(bare_machine / "chromium")
    monkeypatch.setenv("QF_BROWSER", "/opt/mine")
    assert browser.find() == Path("/opt/mine")


@pytest.mark.usefixtures("bare_machine")
def test_where_none_can_be_had_the_remedy_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(browser, "_install_commands", lambda: [("/bin/sh", "-c", "exit 1")])
    with pytest.raises(ToolMissing, match="QF_BROWSER"):
        browser.install()
    assert "running: /bin/sh -c exit 1" in capsys.readouterr().out


def test_one_is_installed_once(bare_machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chromium, second = bare_machine / "chromium", bare_machine / "second"
    make = f"printf '#!/bin/sh\\n' > {chromium}; /bin/chmod 755 {chromium}"
    commands = [("/bin/sh", "-c", make), ("/bin/sh", "-c", f"echo > {second}")]
    monkeypatch.setattr(browser, "_install_commands", lambda: commands)
    assert browser.install() == chromium
    assert not second.exists()
