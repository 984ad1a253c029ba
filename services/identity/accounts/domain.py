"""The rules on accounts and on what ends their sessions. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from services.identity.domain import require_caisse_code
from services.kit.errors import FieldViolation, InvalidField
from services.kit.redaction import Password

# The partner of accounts from before partners were noted: every partner's revocation covers it.
UNKNOWN_PARTNER = UUID(int=0)


@dataclass(frozen=True)
class Account:
    """The credentials of one habilitated user (art. 4-2)."""

    account_id: UUID
    habilitation_id: UUID
    partner_id: UUID
    caisse_code: str
    login: str = field(repr=False)
    password_hash: str = field(repr=False)
    session_generation: int
    device_generation: int
    temporary_password_expire_time: datetime | None
    password_set_time: datetime
    personal_word_indexes: list[bytes] = field(repr=False)
    create_time: datetime
    used_time: datetime
    disable_time: datetime | None = None
    last_sign_in_time: datetime | None = None
    second_factor_enrolled: bool = False

    @property
    def password_change_required(self) -> bool:
        """Whether the password in force is a temporary one, to be replaced before anything else (art. 4-3)."""
        return self.temporary_password_expire_time is not None

    def accepts_sign_in(self, now: datetime) -> bool:
        """Whether the right password opens it at `now`: it is neither disabled nor its password expired."""
        expire_time = self.temporary_password_expire_time
        return self.disable_time is None and (expire_time is None or now < expire_time)


@dataclass(frozen=True)
class TemporaryPassword:
    """A password that is shown once, and when it stops working."""

    password: Password
    expire_time: datetime


@dataclass(frozen=True)
class PartnerPolicy:
    """What a caisse requires of the users of one partner."""

    partner_id: UUID
    second_factor_required: bool = False
    networks: Sequence[str] = ()
    """The only networks that they may call from, in CIDR notation; none: from anywhere."""
    client_certificates_sha256: Sequence[str] = ()
    """The client certificates of which a connection must show one, in hexadecimal digits; none: none is needed."""
    version: int = 0
    """Grows with each change; 0: it was never set."""


@dataclass(frozen=True)
class OfAccount:
    """The sessions of one account."""

    account_id: UUID


@dataclass(frozen=True)
class OfHabilitation:
    """The sessions of the account of one habilitation (art. 4-4)."""

    habilitation_id: UUID


@dataclass(frozen=True)
class OneSession:
    """One session, as the security events name it."""

    session_id: UUID


@dataclass(frozen=True)
class WideScope:
    """More than one account's sessions: `names` are those whose generations grow."""

    names: tuple[str, ...]


RevocationScope: TypeAlias = OfAccount | OfHabilitation | OneSession | WideScope


def of_partner(partner_id: UUID) -> WideScope:
    """Every user of a partner (art. 7-2), and those whose partner was never noted."""
    return WideScope((f"partner:{partner_id}", f"partner:{UNKNOWN_PARTNER}"))


def of_caisse(caisse_code: str) -> WideScope:
    """Every user of a caisse. Raises InvalidField."""
    require_caisse_code(caisse_code)
    return WideScope((f"caisse:{caisse_code}",))


EVERYBODY = WideScope(("all",))


def the_one_scope(scopes: list[RevocationScope]) -> RevocationScope:
    """The only scope given: to revoke too little or too much is worse than to ask again. Raises InvalidField."""
    if len(scopes) != 1:
        raise InvalidField(
            FieldViolation("scope", "REQUIRED", "exactly one of the fields must say whose sessions to end")
        )
    return scopes[0]
