"""Lines of a text file, of any length in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from cli.refusals import LineRefused

MAX_LINE_BYTES = 256 * 1024

_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Line:
    """A line of a file; its content is None where it is longer than any dossier."""

    number: int
    size_bytes: int
    content: bytes | None = field(repr=False)

    @property
    def is_blank(self) -> bool:
        """Whether there is nothing on it."""
        return self.content is not None and not self.content.strip()

    @property
    def is_cut(self) -> bool:
        """Whether the file ends before the line does."""
        return self.content is not None and not self.content.endswith(b"\n")

    def text(self) -> str:
        """What is on it. Raises LineRefused where that is no UTF-8 text."""
        if self.content is None:
            raise LineRefused("", "LINE_TOO_LONG", f"is longer than {MAX_LINE_BYTES // 1024} KiB")
        if b"\0" in self.content:
            raise LineRefused(
                "", "NUL", "holds a NUL byte; the file is damaged, or UTF-16 where UTF-8 is due"
            )
        try:
            return self.content.decode("utf-8")
        except UnicodeDecodeError:
            raise LineRefused(
                "", "UTF_8", "is not UTF-8; save the file as UTF-8 (it may be Windows-1252, or damaged)"
            ) from None


def read_lines(stream: BinaryIO) -> Iterator[Line]:
    """The lines of `stream`, never more than MAX_LINE_BYTES of one; a BOM at the start is left out."""
    number = 0
    while piece := stream.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(piece) > MAX_LINE_BYTES:
            yield Line(number, len(piece) + _skip_line(stream, piece), None)
        else:
            yield Line(number, len(piece), piece.removeprefix(_BOM) if number == 1 else piece)


def _skip_line(stream: BinaryIO, piece: bytes) -> int:
    """Reads to the end of the line that `piece` is the beginning of; how many bytes that was."""
    skipped_bytes = 0
    while piece and not piece.endswith(b"\n"):
        piece = stream.readline(MAX_LINE_BYTES)
        skipped_bytes += len(piece)
    return skipped_bytes
