"""Whether a new password may be taken: the rules, and the passwords its user had before."""

import asyncio
from collections.abc import Sequence

from services.identity.passwords.domain import PasswordRules, recently_used_violation
from services.identity.passwords.hashing import Passwords
from services.kit.errors import InvalidField
from services.kit.redaction import Password


class PasswordPolicy:
    """Judges new passwords (art. 4-3)."""

    def __init__(self, rules: PasswordRules, passwords: Passwords) -> None:
        self._rules = rules
        self._passwords = passwords

    async def require_acceptable(
        self,
        new: Password,
        *,
        current: Password,
        login: str,
        personal_word_indexes: Sequence[bytes],
        former_hashes: Sequence[str],
    ) -> None:
        """Raises InvalidField naming each rule that `new` breaks, or SignInsOverloaded.

        `former_hashes`, one hash's work each, are looked at last: where no other rule is broken.
        """
        # Holds the interpreter's lock for most of its milliseconds, so not at the low priority of hashing.
        violations = await asyncio.to_thread(
            self._rules.violations, new, current, login, personal_word_indexes
        )
        if not violations and await self._passwords.matches_any(former_hashes, new):
            violations = [recently_used_violation()]
        if violations:
            raise InvalidField(*violations)
