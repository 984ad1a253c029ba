"""Every form in which a NIR or a name could lie somewhere: in clear, written another way, encoded, digested (N5)."""

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

BODY_CHARACTERS = 13
DIGESTS = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sha3_256", "blake2b", "blake2s")
_ZERO = bytes(8)
_ZEROS = re.compile(rb"\0{64,}")
# The usual grouping: sex, year, month, department, commune, order, key.
_GROUPS = (1, 3, 5, 7, 10, 13, 15)


def forms_of_nir(nir: str) -> Mapping[str, bytes]:
    """A NIR with its key and without: as text in every encoding, as a number, and as an unkeyed digest."""
    body = nir[:BODY_CHARACTERS]
    found: dict[str, bytes] = {}
    for name, text in {
        "15": nir,
        "13": body,
        "15 grouped": grouped(nir),
        "13 grouped": grouped(body),
        "15 reversed": nir[::-1],
        "13 reversed": body[::-1],
    }.items():
        found |= {f"{name}, {form}": content for form, content in _encoded(text).items()}
    for name, text in {"15": nir, "13": body, "15 grouped": grouped(nir)}.items():
        found |= {f"{name}, {form}": content for form, content in _digested(text).items()}
    for name, text in {"15": nir, "13": body}.items():
        found |= {f"{name}, {order} integer": int(text).to_bytes(8, order) for order in ("big", "little")}
    return found


def forms_of_text(text: str) -> Mapping[str, bytes]:
    """A text in every encoding, as it is written and in capitals."""
    return {
        f"{name}, {form}": content
        for name, written in {"as written": text, "capitals": text.upper()}.items()
        for form, content in _encoded(written).items()
    }


def grouped(nir: str) -> str:
    """A NIR as people write it: "2 69 05 49 588 157 80"."""
    starts = (0, *_GROUPS)
    return " ".join(nir[start:end] for start, end in zip(starts, _GROUPS, strict=False) if nir[start:end])


def _encoded(text: str) -> dict[str, bytes]:
    clear = text.encode()
    return {
        "clear": clear,
        "UTF-16 little-endian": text.encode("utf-16-le"),
        "UTF-16 big-endian": text.encode("utf-16-be"),
        "hex": clear.hex().encode(),
        "HEX": clear.hex().upper().encode(),
        **{f"base64 at {offset}": _base64(clear, offset) for offset in range(3)},
        **{f"url-safe base64 at {offset}": _url_safe(_base64(clear, offset)) for offset in range(3)},
    }


def _digested(text: str) -> dict[str, bytes]:
    digests = {name: hashlib.new(name, text.encode()).digest() for name in DIGESTS}
    return {
        f"{name} {form}": content
        for name, digest in digests.items()
        for form, content in {
            "raw": digest,
            "hex": digest.hex().encode(),
            "HEX": digest.hex().upper().encode(),
            "base64": base64.b64encode(digest).rstrip(b"="),
            "url-safe base64": base64.urlsafe_b64encode(digest).rstrip(b"="),
        }.items()
    }


def _base64(clear: bytes, offset: int) -> bytes:
    """What base64 makes of `clear` wherever `offset` bytes (modulo 3) stand before it: the characters of it alone."""
    text = base64.b64encode(bytes(offset) + clear)
    return text[-(-offset * 8 // 6) : (offset + len(clear)) * 8 // 6]


def _url_safe(text: bytes) -> bytes:
    return text.translate(bytes.maketrans(b"+/", b"-_"))


class Searcher:
    """Looks for many forms at once."""

    def __init__(self, forms: Mapping[str, bytes]) -> None:
        # Some are the same: base64 without + and / is url-safe.
        self._names: dict[bytes, set[str]] = {}
        for name, content in forms.items():
            self._names.setdefault(content, set()).add(name)

    def found(self, content: bytes) -> set[str]:
        """The names of the forms that stand in `content`."""
        return set().union(*(names for form, names in self._names.items() if form in content))

    def found_in_files(self, paths: Iterable[Path]) -> dict[str, set[str]]:
        """By the path of a file that holds any: the names of the forms in it. Of equal files the first is told."""
        # Every database begins as a copy of the same files, and pages and segments end in zeros.
        contents: dict[bytes, Path] = {}
        for path in paths:
            contents.setdefault(_ZEROS.sub(_ZERO, path.read_bytes()), path)
        return {str(path): found for content, path in contents.items() if (found := self.found(content))}


def files_under(*folders: Path) -> list[Path]:
    """Every file under the folders."""
    return [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
