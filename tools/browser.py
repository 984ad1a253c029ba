"""Finds the browser that tests drive: `python -m tools.browser [--install]`.

A browser of the machine comes first, then one that Playwright keeps. QF_BROWSER names another.
"""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tools.paths import ToolMissing

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
USUAL_PLACES = (
    Path("/snap/bin/chromium"),
    Path("/Applications/Chromium.app/Contents/MacOS/Chromium"),
    Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"),
)
REMEDY = (
    "No browser for the tests. Install Chromium (Debian: apt-get install chromium), or name one:\n"
    "QF_BROWSER=/path/to/chromium make test"
)
_INSTALL_SECONDS = 600


def find() -> Path | None:
    """A Chromium or Chrome on this machine, or None."""
    return next(_candidates(), None)


def require() -> Path:
    """A Chromium or Chrome on this machine. Raises ToolMissing with the remedy."""
    found = find()
    if found is None:
        raise ToolMissing(REMEDY)
    return found


def install() -> Path:
    """Finds a browser, or installs one as the machine allows. Raises ToolMissing with the remedy."""
    for command in _install_commands():
        if find() is not None:
            break
        print(f"No browser for the tests yet; running: {' '.join(command)}", flush=True)
        _try(command)
    return require()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="browser", description=__doc__)
    parser.add_argument("--install", action="store_true", help="install one where there is none")
    try:
        if parser.parse_args().install:
            install()
        else:
            print(require())
    except ToolMissing as error:
        sys.exit(str(error))


def _candidates() -> Iterator[Path]:
    named = os.environ.get("QF_BROWSER")
    if named:
        yield Path(named)
        return
    yield from (Path(path) for name in NAMES if (path := shutil.which(name)))
    yield from (path for path in USUAL_PLACES if path.exists())
    for cache in _playwright_caches():
        yield from sorted(cache.glob("chromium-*/chrome-*/chrome"))
        yield from sorted(cache.glob("chromium-*/chrome-*/*.app/Contents/MacOS/*"))


def _playwright_caches() -> list[Path]:
    named = os.environ.get("PLAYWRIGHT_BROWSERS_PATH")
    if named:
        return [Path(named)]
    return [Path.home() / ".cache/ms-playwright", Path.home() / "Library/Caches/ms-playwright"]


def _install_commands() -> list[Sequence[str]]:
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    playwright = (sys.executable, "-m", "playwright", "install", "chromium")
    if not is_root:
        return [playwright]
    if shutil.which("apt-get") is None:
        return [(*playwright, "--with-deps")]
    return [
        ("apt-get", "update", "--quiet"),
        ("apt-get", "install", "--yes", "--quiet", "--no-install-recommends", "chromium"),
        (*playwright, "--with-deps"),
    ]


def _try(command: Sequence[str]) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            timeout=_INSTALL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        print(f"{command[0]} did not end within {_INSTALL_SECONDS} s", flush=True)


if __name__ == "__main__":
    main()
