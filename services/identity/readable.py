"""Random texts that are copied from paper (art. 4-2)."""

import secrets

# Without 0, 1, i, l and o, which are read as one another.
UNAMBIGUOUS = "23456789abcdefghjkmnpqrstuvwxyz"


def readable_text(length: int) -> str:
    """`length` random characters, 4.95 bits each."""
    return "".join(secrets.choice(UNAMBIGUOUS) for _ in range(length))
