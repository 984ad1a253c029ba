"""The words that no password of one user may contain: his names, known by keyed digests only. Pure."""

import hmac
from collections.abc import Iterable, Iterator, Sequence

from services.identity.passwords.folding import readings, words
from services.kit.keys import derived_key

# Shorter ones, like "de" and "la", stand in any text.
_SHORTEST = 3
_LONGEST = 40


class PersonalWords:
    """Knows a user's names again without keeping them: HMAC-SHA-256 under a key derived from the index key."""

    def __init__(self, index_key: bytes) -> None:
        self._key = derived_key(index_key, b"msa.identity.personal_words")

    def indexes(self, texts: Iterable[str]) -> tuple[bytes, ...]:
        """The digests, 32 bytes each, of the words of three letters or more in `texts`; each once, in no order."""
        found = {word for text in texts for word in words(text) if _SHORTEST <= len(word) <= _LONGEST}
        return tuple(sorted(map(self._index, found)))

    def is_contained(self, password: str, indexes: Sequence[bytes]) -> bool:
        """Whether one of the words stands in `password`, whatever its capitals, its accents, digits for letters.

        A word of three letters counts where it stands by itself, for it stands within many others. Takes
        milliseconds: each part of the password is a digest.
        """
        if not indexes:
            return False
        known = frozenset(indexes)
        parts = {part for reading in readings(password) for word in words(reading) for part in _parts(word)}
        return any(self._index(part) in known for part in parts)

    def _index(self, word: str) -> bytes:
        return hmac.digest(self._key, word.encode(), "sha256")


def _parts(word: str) -> Iterator[str]:
    if len(word) == _SHORTEST:
        yield word
    for start in range(len(word) - _SHORTEST):
        for end in range(start + _SHORTEST + 1, min(start + _LONGEST, len(word)) + 1):
            yield word[start:end]
