"""How hard a password is to guess. Pure."""

from collections.abc import Iterable, Iterator, Sequence

from zxcvbn_rs_py import zxcvbn

from services.identity.passwords.folding import plain, readings

# Of 0 to 4: more than 10^8 guesses.
_MINIMUM_SCORE = 3
# The estimate holds up the whole process, and its time grows with the length: at worst 35 ms for so much, over a
# second for 128. What begins so well is hard to guess however it goes on.
_ESTIMATED_LENGTH = 24
_SHORTEST_PART = 4

# What somebody who guesses passwords of this very service tries first.
_CONTEXT = (
    "agricole", "allocataire", "bourgogne", "caf", "caisse", "convention", "extranaute", "extranet", "familial",
    "famille", "mairie", "msa", "mutualite", "partenaire", "qf", "quotient", "quotientfamilial", "sociale",
)  # fmt: skip


class CommonPasswords:
    """Passwords that many people have, told apart by neither capitals nor accents."""

    def __init__(self, passwords: Iterable[str]) -> None:
        self._passwords = frozenset(map(plain, passwords))
        self._longest = max(map(len, self._passwords), default=0)

    def __len__(self) -> int:
        return len(self._passwords)

    def __contains__(self, password: str) -> bool:
        return plain(password) in self._passwords

    def within(self, password: str) -> frozenset[str]:
        """Parts of `password` that are common by themselves, also backwards or with digits for letters."""
        return frozenset(password[start:end] for start, end in self._places(plain(password)))

    def _places(self, folded: str) -> Iterator[tuple[int, int]]:
        for reading in set(readings(folded)):
            for start in range(len(reading)):
                for end in range(start + _SHORTEST_PART, min(start + self._longest, len(reading)) + 1):
                    part = reading[start:end]
                    if part in self._passwords or part[::-1] in self._passwords:
                        yield start, end


def is_too_guessable(password: str, login: str, common: CommonPasswords) -> bool:
    """Whether a guesser who knows the login, this service and `common` needs too few tries (zxcvbn score under 3).

    `password` has 128 characters at most. Takes milliseconds.
    """
    beginning = password[:_ESTIMATED_LENGTH]
    known_words = [*_CONTEXT, *_parts_of(login), *sorted(common.within(beginning))]
    return int(zxcvbn(beginning, known_words).score) < _MINIMUM_SCORE


def _parts_of(login: str) -> Sequence[str]:
    return (login, *login.split("-"))
