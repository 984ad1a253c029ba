"""Devices known from earlier sign-ins: each keeps a signed token, the server keeps nothing.

While somebody guesses at an account, its owner still gets in from a browser he used before.
"""

import base64
import hmac
import struct
from datetime import datetime, timedelta
from uuid import UUID

from services.kit.clock import epoch_ms, from_epoch_ms
from services.kit.keys import derived_key
from services.kit.redaction import DeviceToken

_VERSION = 1
# Version, device, instant of issue in milliseconds; the signature comes after.
_CONTENT = struct.Struct(">B16sq")
_SIGNATURE_BYTES = 32
_TOKEN_LENGTH = (_CONTENT.size + _SIGNATURE_BYTES) * 4 // 3


class Devices:
    """Issues the tokens of devices and recognises them.

    A token is bound to its login and to the account's device generation: where that grows, all devices are strangers.
    """

    def __init__(self, index_key: bytes, validity: timedelta) -> None:
        self._key = derived_key(index_key, b"msa.identity.devices")
        self._validity = validity

    def issue(self, login: str, device_generation: int, device_id: UUID, now: datetime) -> DeviceToken:
        """The token of a device from which a sign-in has just succeeded."""
        content = _CONTENT.pack(_VERSION, device_id.bytes, epoch_ms(now))
        signature = self._signature(content, login, device_generation)
        return DeviceToken(base64.urlsafe_b64encode(content + signature).decode())

    def recognise(self, token: DeviceToken, login: str, device_generation: int, now: datetime) -> UUID | None:
        """The device, where this token was issued for this login and generation and is not too old; else None."""
        decoded = _decoded(token.reveal())
        if decoded is None:
            return None
        content, signature = decoded[: _CONTENT.size], decoded[_CONTENT.size :]
        if not hmac.compare_digest(signature, self._signature(content, login, device_generation)):
            return None
        _, device_id, issue_ms = _CONTENT.unpack(content)
        return UUID(bytes=device_id) if now < from_epoch_ms(issue_ms) + self._validity else None

    def _signature(self, content: bytes, login: str, device_generation: int) -> bytes:
        # All before the login is of one length: no two devices sign the same bytes.
        return hmac.digest(
            self._key, content + struct.pack(">q", device_generation) + login.encode(), "sha256"
        )


def _decoded(token: str) -> bytes | None:
    if len(token) != _TOKEN_LENGTH:
        return None
    try:
        return base64.b64decode(token, altchars=b"-_", validate=True)
    except ValueError:  # of base64, or not ASCII at all
        return None
