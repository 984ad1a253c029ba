"""What is the same to a person who reads it: how passwords and words are compared. Pure."""

import unicodedata
from collections.abc import Sequence

from services.kit.redaction import Password

_LIGATURES = str.maketrans({"œ": "oe", "æ": "ae"})
# What is typed for a letter that it looks like; "1" is read both ways.
_LOOKALIKES = {
    "4": "a",
    "@": "a",
    "3": "e",
    "€": "e",
    "0": "o",
    "$": "s",
    "5": "s",
    "7": "t",
    "+": "t",
    "!": "i",
}
_AS_LETTERS = tuple(str.maketrans(_LOOKALIKES | {"1": one, "|": one}) for one in "il")


def normalised(password: Password) -> str:
    """The password in clear as RFC 8265 compares passwords (OpaqueString): in NFC, every space a plain one.

    Keyboards differ in how they write an accent, and French ones in which space they write.
    """
    text = "".join(" " if unicodedata.category(sign) == "Zs" else sign for sign in password.reveal())
    return unicodedata.normalize("NFC", text)


def plain(text: str) -> str:
    """`text` in small letters without accents, sign for sign: what stands at a place still stands there."""
    if text.isascii():
        return text.lower()
    return "".join(unicodedata.normalize("NFKD", sign)[0].lower()[0] for sign in text)


def readings(text: str) -> tuple[str, ...]:
    """`text` as it stands and with letters for the signs that stand for them, sign for sign: `m0td3p4sse`."""
    return text, *(text.translate(table) for table in _AS_LETTERS)


def words(text: str) -> Sequence[str]:
    """The words of `text`, in small letters without accents; whatever is no letter parts them."""
    decomposed = unicodedata.normalize("NFKD", text).casefold().translate(_LIGATURES)
    bare = (sign for sign in unicodedata.normalize("NFKD", decomposed) if unicodedata.category(sign) != "Mn")
    return "".join(sign if sign.isalpha() else " " for sign in bare).split()


def letters_and_digits(text: str) -> str:
    """`text` in small letters, without accents and whatever else is neither letter nor digit."""
    return "".join(sign for sign in plain(text) if sign.isalnum())
