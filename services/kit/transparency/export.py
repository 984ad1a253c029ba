"""An export of the journal: a text file that is verified without the service (see `verification`).

The first line is a header in JSON. Then comes one line for each leaf of the tree, in order: the leaf itself, which
begins with a brace, or its hash, where the line is another caisse's or was purged when its time was over. Beside the
file stand the checkpoint that signs it and, if there is one, its time-stamp.
"""

import base64
import binascii
import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from services.kit.transparency.leaf import decode_instant, encode_instant
from services.kit.transparency.merkle import HASH_BYTES

FORMAT = "qf-journal-export-1"
LEAF_BEGINS = b"{"
# A line that should be there and is not; whoever took it took its content along.
MISSING = b"missing"
# The shortest time for which a caisse may keep its lines, in days: a line that is younger was not purged by rule.
SHORTEST_RETENTION = timedelta(days=365)

_OTHER_CAISSE = b"other:"
_PURGED = b"purged:"
_CAISSE_CODE = re.compile(r"[0-9]{2}")


class ExportRefused(Exception):
    """A file is no export of a journal; the text tells why."""


@dataclass(frozen=True)
class ExportHeader:
    """What an export is of."""

    origin: str
    tree_size: int
    caisse_code: str
    export_time: datetime

    def encode(self) -> bytes:
        """The first line."""
        document = {
            "format": FORMAT,
            "origin": self.origin,
            "tree_size": self.tree_size,
            "caisse_code": self.caisse_code,
            "export_time": encode_instant(self.export_time),
        }
        return json.dumps(document).encode("ascii")

    @classmethod
    def parse(cls, line: bytes) -> Self:
        """The header in the first line. Raises ExportRefused."""
        try:
            document = json.loads(line)
        except ValueError:
            raise ExportRefused("the first line is no header in JSON") from None
        match document:
            case {
                "format": str(form),
                "origin": str(origin),
                "tree_size": int(tree_size),
                "caisse_code": str(caisse_code),
                "export_time": str(export_time),
            } if form == FORMAT and tree_size > 0 and _CAISSE_CODE.fullmatch(caisse_code):
                return cls(origin, tree_size, caisse_code, _instant(export_time))
        raise ExportRefused(f"the first line is no header of the format {FORMAT}")


def other_caisse_entry(leaf_hash: bytes) -> bytes:
    """The line of a leaf that is another caisse's."""
    return _OTHER_CAISSE + base64.b64encode(leaf_hash)


def purged_entry(leaf_hash: bytes) -> bytes:
    """The line of a leaf whose line was purged when its time was over."""
    return _PURGED + base64.b64encode(leaf_hash)


def is_purged(entry: bytes) -> bool:
    """Whether a line is that of a purged leaf."""
    return entry.startswith(_PURGED)


def hash_in(entry: bytes) -> bytes | None:
    """The hash in a line that tells no more; None where it is not such a line."""
    kind, _, text = entry.partition(b":")
    if kind + b":" not in (_OTHER_CAISSE, _PURGED):
        return None
    try:
        found = base64.b64decode(text, validate=True)
    except binascii.Error:
        return None
    return found if len(found) == HASH_BYTES else None


def _instant(text: str) -> datetime:
    try:
        return decode_instant(text)
    except ValueError:
        raise ExportRefused("the time in the header is no instant") from None
