"""The leaf of a journal line: the one text that is hashed, in canonical JSON, from which nobody can be told (N5, N7).

One line of ASCII, keys in order, no space. A leaf holds no NIR, name or amount, and of the partner's own words a
commitment only. What is once sealed is never encoded in another way: a change of the fields is another version.
"""

import hmac
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from uuid import UUID

VERSION = 1
SALT_BYTES = 16


@dataclass(frozen=True)
class JournalLeaf:
    """One line of the journal as it is sealed; `month` by its first day, `texts` from `hidden_texts`."""

    consultation_id: UUID
    disclose_time: datetime
    account_id: UUID
    habilitation_id: UUID
    partner_id: UUID
    convention_id: UUID
    caisse_code: str
    person_index: bytes
    person_index_generation: int
    month: date
    purpose: str
    outcome: str
    trace_id: str
    period_ids: Sequence[UUID]
    period_starts: Sequence[date]
    period_ends: Sequence[date | None]
    texts: bytes

    def encode(self) -> bytes:
        """The canonical text."""
        return json.dumps(self._document(), sort_keys=True, separators=(",", ":")).encode("ascii")

    def _document(self) -> dict[str, object]:
        return {
            "v": VERSION,
            "consultation_id": str(self.consultation_id),
            "disclose_time": encode_instant(self.disclose_time),
            "account_id": str(self.account_id),
            "habilitation_id": str(self.habilitation_id),
            "partner_id": str(self.partner_id),
            "convention_id": str(self.convention_id),
            "caisse_code": self.caisse_code,
            "person_reference": self.person_index.hex(),
            "person_index_generation": self.person_index_generation,
            "month": f"{self.month.year:04}-{self.month.month:02}",
            "purpose": self.purpose,
            "outcome": self.outcome,
            "trace_id": self.trace_id,
            "period_ids": [str(period_id) for period_id in self.period_ids],
            "period_starts": [start.isoformat() for start in self.period_starts],
            "period_ends": [end.isoformat() if end else None for end in self.period_ends],
            "texts": self.texts.hex(),
        }


def hidden_texts(salt: bytes, case_reference: str, purpose_text: str) -> bytes:
    """A commitment to both texts: HMAC-SHA-256 under the line's own random salt.

    Without the salt, which leaves with the line when its time is over, no guess at the texts can be checked.
    """
    return hmac.digest(salt, f"{case_reference}\0{purpose_text}".encode(), "sha256")


def encode_instant(instant: datetime) -> str:
    """`instant` in UTC with six digits of the second, always: texts of instants sort as they do."""
    return f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{instant.microsecond:06}Z"


def decode_instant(text: str) -> datetime:
    """The instant in a leaf's text. Raises ValueError."""
    return datetime.fromisoformat(text)


_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_END = f'(?:"{_DAY}"|null)'
_HASH = r"[0-9a-f]{64}"
# What `encode` writes and nothing else. Reading a leaf so costs half of what parsing JSON does.
_SHAPE = {
    "account_id": f'"{_UUID}"',
    "caisse_code": r'"(?P<caisse_code>[0-9]{2})"',
    "consultation_id": f'"(?P<consultation_id>{_UUID})"',
    "convention_id": f'"{_UUID}"',
    "disclose_time": rf'"(?P<disclose_time>{_DAY}T[0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}\.[0-9]{{6}}Z)"',
    "habilitation_id": f'"{_UUID}"',
    "month": r'"[0-9]{4}-[0-9]{2}"',
    "outcome": r'"[A-Z_]+"',
    "partner_id": f'"{_UUID}"',
    "period_ends": rf"\[(?:{_END}(?:,{_END})*)?\]",
    "period_ids": rf'\[(?:"{_UUID}"(?:,"{_UUID}")*)?\]',
    "period_starts": rf'\[(?:"{_DAY}"(?:,"{_DAY}")*)?\]',
    "person_index_generation": r"[1-9][0-9]*",
    "person_reference": f'"{_HASH}"',
    "purpose": r'"[A-Z_]+"',
    "texts": f'"{_HASH}"',
    "trace_id": r'"(?:[0-9a-f]{32})?"',
    "v": str(VERSION),
}
CANONICAL_LEAF = re.compile(
    (r"\{" + ",".join(f'"{key}":{_SHAPE[key]}' for key in sorted(_SHAPE)) + r"\}").encode("ascii")
)
