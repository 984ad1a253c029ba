"""Passwords and keys of the local stack: made once, kept in files that only their owner can read."""

import secrets

from deploy.local.layout import Layout, write_private

DATABASES = ("identity", "partners", "quotient")
PASSWORDS = (
    "postgres.password",
    "valkey.password",
    *(f"{database}_{role}.password" for database in DATABASES for role in ("owner", "service")),
)
KEYS = (
    "identity_index.key",
    "identity_data.key",
    "person_index/1.key",
    "wrapping/1.key",
    "journal_signing.key",
)
# Where keys lay before they had generations; what is enciphered under them stays readable.
_FORMER_NAMES = {"person_index/1.key": "person_index.key", "wrapping/1.key": "data.key"}


def ensure_secrets(layout: Layout) -> None:
    """Makes what is missing; what is there stays, for the data in `data/` depend on it."""
    for name in PASSWORDS:
        _ensure(layout, name, secrets.token_urlsafe(32).encode())
    for name in KEYS:
        _ensure(layout, name, secrets.token_bytes(32))


def read_password(layout: Layout, name: str) -> str:
    """One of PASSWORDS."""
    return layout.secret(name).read_text()


def _ensure(layout: Layout, name: str, content: bytes) -> None:
    path = layout.secret(name)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    former = layout.secret(_FORMER_NAMES.get(name, name))
    if former.exists() and not path.exists():
        former.rename(path)
    if not path.exists():
        write_private(path, content)
    path.chmod(0o600)
