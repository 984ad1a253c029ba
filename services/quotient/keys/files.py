"""Key files: a folder for each kind, `1.key`, `2.key`, … in it, 32 raw bytes each; the highest is the newest."""

import re
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

from services.kit.config import ConfigError, read_key

_NAME = re.compile(r"([1-9][0-9]{0,3})\.key")


class KeyKind(StrEnum):
    """What the keys of a folder are for."""

    PERSON_INDEX = "person index"
    WRAPPING = "wrapping"


class KeyFileError(ConfigError):
    """A key file that cannot be used. `problem` says in words what is the matter and names the remedy."""

    def __init__(self, kind: KeyKind, problem: str, generation: int | None = None) -> None:
        which = "keys" if generation is None else f"key {generation}.key"
        super().__init__(f"the {kind.value} {which} {problem}")
        self.kind = kind
        self.problem = problem
        self.generation = generation


class KeyFiles:
    """Read anew each time, so that a key can be added while the service runs."""

    def __init__(self, person_index_key_folder: Path, wrapping_key_folder: Path) -> None:
        self._person_index_key_folder = person_index_key_folder
        self._wrapping_key_folder = wrapping_key_folder

    def person_index_keys(self) -> Sequence[bytes]:
        """Oldest first. Raises KeyFileError."""
        return _read(KeyKind.PERSON_INDEX, self._person_index_key_folder)

    def wrapping_keys(self) -> Sequence[bytes]:
        """Oldest first. Raises KeyFileError."""
        return _read(KeyKind.WRAPPING, self._wrapping_key_folder)


def _read(kind: KeyKind, folder: Path) -> Sequence[bytes]:
    try:
        names = [path.name for path in folder.iterdir()]
    except OSError as error:
        raise KeyFileError(kind, f"cannot be read: {folder}: {error.strerror}") from None
    generations = sorted(int(match[1]) for name in names if (match := _NAME.fullmatch(name)))
    if not generations or generations != list(range(1, len(generations) + 1)):
        raise KeyFileError(
            kind, f"are not 1.key, 2.key, … without a gap in {folder}; put back what is missing"
        )
    keys = [_read_key(kind, generation, folder / f"{generation}.key") for generation in generations]
    for generation, key in enumerate(keys, start=1):
        if key in keys[: generation - 1]:
            raise KeyFileError(kind, "is a copy of one before; make a fresh one: qf keys new", generation)
    return keys


def _read_key(kind: KeyKind, generation: int, path: Path) -> bytes:
    try:
        return read_key(path)
    except ConfigError as error:
        raise KeyFileError(kind, f"cannot be used: {error}", generation) from None
