"""Reads the lists of passwords that many people have; data/README.md says where they come from."""

import gzip
from collections.abc import Iterator
from pathlib import Path

from services.identity.passwords.guessing import CommonPasswords
from services.kit.config import ConfigError

_DATA = Path(__file__).parent / "data"


def load_common_passwords(more: Path | None = None) -> CommonPasswords:
    """The lists that come with this package, and the operator's own: one password a line, in UTF-8.

    Raises ConfigError where `more` cannot be read.
    """
    with gzip.open(_DATA / "international.txt.gz", "rt", encoding="utf-8") as international:
        entries = [*international.read().split("\n"), *(_DATA / "french.txt").read_text("utf-8").split("\n")]
    return CommonPasswords(entry for entry in (*entries, *_lines(more)) if entry)


def _lines(path: Path | None) -> Iterator[str]:
    if path is None:
        return
    try:
        yield from path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read the passwords in {path}: {type(error).__name__}") from None
