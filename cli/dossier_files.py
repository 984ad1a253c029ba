"""Files of dossiers, whatever their format: told apart by their names, looked at once as a whole before they are read.

The look tells the digest by which a publication that was cut is found again, and an encoding that nobody could read.
"""

from __future__ import annotations

import codecs
import hashlib
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from cli import imports
from cli.columns import FileRefused, column_of
from cli.csv_dossiers import CsvDossiers
from cli.dossier_rules import Entry
from cli.errors import UsageFailed
from cli.ndjson import read_ndjson
from cli.parameters import STANDARD_INPUT
from cli.parquet_dossiers import ParquetDossiers

_BLOCK_BYTES = 1024 * 1024
_DIGEST_BYTES = 32
# Within so many, UTF-16 has a NUL byte.
_BEGINNING_BYTES = 1024


class FileFormat(StrEnum):
    """How a file holds dossiers."""

    NDJSON = "ndjson"
    CSV = "csv"
    PARQUET = "parquet"


_SUFFIXES = {
    ".ndjson": FileFormat.NDJSON,
    ".jsonl": FileFormat.NDJSON,
    ".csv": FileFormat.CSV,
    ".parquet": FileFormat.PARQUET,
}


@dataclass(frozen=True)
class DossierFile:
    """A file of dossiers that is open for reading.

    `total` is its length in bytes, or in rows, and `position` how far it is read; standard input has no length.
    `entries` takes the line behind which to begin. `field_name` is what a field of NDJSON is called in this file.
    """

    digest: bytes
    total: int | None
    position: Callable[[], int]
    entries: Callable[[int], Iterator[Entry]]
    field_name: Callable[[str], str]


@contextmanager
def opened(file: Path, file_format: FileFormat | None) -> Iterator[DossierFile]:
    """The file, by its suffix where its format is not given. Raises UsageFailed, FileRefused."""
    if file == STANDARD_INPUT:
        yield _standard_input(file_format)
        return
    try:
        stream = file.open("rb")
    except OSError:
        raise imports.unreadable(file) from None
    with stream:
        yield _looked_at(stream, file_format or _format_of(file))


def _standard_input(file_format: FileFormat | None) -> DossierFile:
    if file_format not in {None, FileFormat.NDJSON}:
        raise UsageFailed("Standard input is read as NDJSON only.", "Name a file to import another format.")
    stream = sys.stdin.buffer
    # Nobody knows what will come: it is a publication of its own, which no other run goes on with.
    digest = secrets.token_bytes(_DIGEST_BYTES)
    return DossierFile(digest, None, lambda: 0, lambda after: read_ndjson(stream, after), str)


def _format_of(file: Path) -> FileFormat:
    if (found := _SUFFIXES.get(file.suffix.lower())) is None:
        raise UsageFailed(
            f"The name of {file} does not tell its format.",
            f"Say --format {', '.join(FileFormat)}; or let it end with {', '.join(_SUFFIXES)}.",
        )
    return found


def _looked_at(stream: BinaryIO, file_format: FileFormat) -> DossierFile:
    digest, size_bytes = _survey(stream, file_format)
    stream.seek(0)
    match file_format:
        case FileFormat.NDJSON:
            return DossierFile(digest, size_bytes, stream.tell, lambda after: read_ndjson(stream, after), str)
        case FileFormat.CSV:
            return DossierFile(digest, size_bytes, stream.tell, CsvDossiers(stream).entries, column_of)
        case FileFormat.PARQUET:
            rows = ParquetDossiers(stream)
            return DossierFile(digest, rows.row_count, rows.position, rows.entries, column_of)


def _survey(stream: BinaryIO, file_format: FileFormat) -> tuple[bytes, int]:
    """The digest and the length of a file, read once as a whole. Raises FileRefused for an encoding that is none."""
    digest, size_bytes, line = hashlib.sha256(), 0, 1
    decoder = codecs.getincrementaldecoder("utf-8")()
    while block := stream.read(_BLOCK_BYTES):
        if size_bytes == 0 and file_format is not FileFormat.PARQUET:
            _check_beginning(block)
        if file_format is FileFormat.CSV:
            _check_text(decoder, block, line)
            line += block.count(b"\n")
        digest.update(block)
        size_bytes += len(block)
    return digest.digest(), size_bytes


def _check_beginning(block: bytes) -> None:
    if block.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in block[:_BEGINNING_BYTES]:
        raise FileRefused(
            "ENCODING",
            "The file is UTF-16, as some spreadsheets write it, where UTF-8 is due.",
            'Save it as UTF-8 (in Excel "CSV UTF-8") and import that.',
        )


def _check_text(decoder: codecs.IncrementalDecoder, block: bytes, line: int) -> None:
    try:
        decoder.decode(block)
    except UnicodeDecodeError as error:
        # What was left of the block before stands in front.
        line += bytes(error.object[: error.start]).count(b"\n")
    else:
        return
    raise FileRefused(
        "ENCODING",
        f"The file is not UTF-8: it looks like Windows-1252 (Latin-1), on line {line} for the first time.",
        'Save it as UTF-8 (in Excel "CSV UTF-8") and import that.',
    )
