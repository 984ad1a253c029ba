"""Reads Parquet: the columns of CSV, a batch of rows at a time; the first row is line 1."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any, BinaryIO

from cli.columns import Columns, FileRefused, SameDossier, in_columns
from cli.csv_dossiers import amount
from cli.dossier_rules import Dossier, Entry, parse_dossier
from cli.refusals import LineRefused, Refusal
from cli.text_lines import MAX_LINE_BYTES

if TYPE_CHECKING:
    from pyarrow import RecordBatch
    from pyarrow.parquet import ParquetFile

_BATCH_ROWS = 1000
# Beside its batch of rows nothing of a file is held but the pages that the batch is in.
_BUFFER_BYTES = 256 * 1024


class ParquetDossiers:
    """A Parquet file of dossiers."""

    def __init__(self, stream: BinaryIO) -> None:
        """Raises FileRefused where it is cut, damaged or no Parquet file, or has columns that there are not."""
        self._file = _opened(stream)
        names: Sequence[str] = self._file.schema_arrow.names
        self._columns = Columns(names)
        self._amount = names.index("valeur") if "valeur" in names else None
        self._same_dossier = SameDossier()
        self._position = 0

    def position(self) -> int:
        """How many rows are read."""
        return self._position

    @property
    def row_count(self) -> int:
        """How many rows there are."""
        return int(self._file.metadata.num_rows)

    def entries(self, after: int = 0) -> Iterator[Entry]:
        """The rows; those up to the row `after` are passed over, and what holds nothing else is not even read."""
        groups, self._position = self._groups_behind(after)
        for cells in self._rows(groups):
            self._position += 1
            if self._position > after:
                yield Entry(self._position, _size_bytes(cells), self._content(cells))

    def _rows(self, groups: Sequence[int]) -> Iterator[Sequence[Any]]:
        # No threads: they would hold more pages than one batch needs.
        batches = self._file.iter_batches(_BATCH_ROWS, row_groups=groups, use_threads=False)
        while (batch := _next_batch(batches)) is not None:
            yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)

    def _groups_behind(self, after: int) -> tuple[Sequence[int], int]:
        passed_over = 0
        for group in range(self._file.num_row_groups):
            row_count = self._file.metadata.row_group(group).num_rows
            if passed_over + row_count > after:
                return range(group, self._file.num_row_groups), passed_over
            passed_over += row_count
        return (), passed_over

    def _content(self, cells: Sequence[Any]) -> Dossier | Refusal | None:
        if _size_bytes(cells) > MAX_LINE_BYTES:
            return Refusal("", "LINE_TOO_LONG", f"is longer than {MAX_LINE_BYTES // 1024} KiB")
        plain = [_plain(cell) for cell in cells]
        if not any(cell is not None for cell in plain):
            return None
        try:
            if self._amount is not None:
                plain[self._amount] = _amount(plain[self._amount])
            return self._same_dossier.checked(parse_dossier(self._columns.root(plain)))
        except LineRefused as refused:
            return in_columns(refused.refusal)


def _next_batch(batches: Iterator[RecordBatch]) -> RecordBatch | None:
    from pyarrow import ArrowException  # noqa: PLC0415  # see _opened

    try:
        return next(batches, None)
    except (ArrowException, OSError):
        raise FileRefused(
            "PARQUET", "The file is damaged: its rows cannot be read on.", "Get the file again."
        ) from None


def _opened(stream: BinaryIO) -> ParquetFile:
    try:
        # A tenth of a second that other formats are spared, and 165 MB that not every machine has.
        from pyarrow import ArrowException  # noqa: PLC0415  # see above
        from pyarrow.parquet import ParquetFile  # noqa: PLC0415  # see above
    except ImportError:
        raise FileRefused(
            "PARQUET_MISSING",
            "This installation of qf cannot read Parquet.",
            "Install it with its extra, msa-quotient-familial[parquet], or export the file as CSV.",
        ) from None
    try:
        return ParquetFile(stream, buffer_size=_BUFFER_BYTES, pre_buffer=False)
    except (ArrowException, OSError):
        raise FileRefused(
            "PARQUET",
            "This is no whole Parquet file: it is cut, damaged, or of another format.",
            "Get the file again, or name its format with --format.",
        ) from None


def _plain(value: Any) -> Any:
    """A value as JSON would have it."""
    match value:
        case datetime():
            return value.date().isoformat() if value.time() == time.min else str(value)
        case date():
            return value.isoformat()
        case float():
            # The shortest decimal that is this number: what was written when it was made.
            return Decimal(repr(value))
        case _:
            return value


def _amount(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return amount(value.strip()) if value.strip() else None


def _size_bytes(cells: Sequence[Any]) -> int:
    return sum(len(cell) for cell in cells if isinstance(cell, str))
