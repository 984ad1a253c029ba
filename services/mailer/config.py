"""The settings of the mailer."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from services.kit.client import UpstreamSettings
from services.kit.config import InternalServerSettings, Section
from services.mailer.domain import CaisseAddresses, EmailAddress, Pauses
from services.mailer.letters import one_line


def _address(text: str) -> str:
    if EmailAddress.parse(text) is None:
        raise ValueError("must be an e-mail address, as in partenaires@caisse.example")
    return text


def _shown(text: str) -> str:
    if text != one_line(text):
        raise ValueError("must be one line")
    return text


Address = Annotated[str, AfterValidator(_address)]
CaisseCode = Annotated[str, Field(pattern=r"^[0-9]{2}$")]


class Security(StrEnum):
    """How the way to the mail server is protected (art. 7-1)."""

    NONE = "none"
    STARTTLS = "starttls"
    TLS = "tls"


class SmtpSettings(Section):
    """The mail server that takes what is sent, and whom it comes from.

    The server's certificate is checked against `ca_file`, or against what the system trusts. Connecting, and each
    message, may take `timeout_seconds` altogether.
    """

    host: str
    port: int = Field(ge=1, le=65535)
    security: Security
    ca_file: Path | None = None
    username: str = ""
    password_file: Path | None = None
    sender: Address
    sender_name: Annotated[str, AfterValidator(_shown)] = "MSA – Quotient familial"
    timeout_seconds: float = Field(default=30, gt=0, le=300)

    @model_validator(mode="after")
    def _protects_its_password(self) -> Self:
        if bool(self.username) != bool(self.password_file):
            raise ValueError("username and password_file go together: give both, or neither")
        if self.security is Security.NONE and (self.username or self.ca_file):
            raise ValueError(
                'username and ca_file are of use with TLS only: let security be "starttls" or "tls"'
            )
        return self


class DeliverySettings(Section):
    """How often is looked for messages, and for how long one is ours.

    What could not be delivered comes back after `lease_seconds`. After a failure the pause is `first_pause_seconds`,
    and doubles up to `longest_pause_seconds`.
    """

    every_seconds: float = Field(default=60, gt=0)
    lease_seconds: float = Field(default=900, ge=60, le=3600)
    first_pause_seconds: float = Field(default=15, gt=0)
    longest_pause_seconds: float = Field(default=900, gt=0)

    @property
    def pauses(self) -> Pauses:
        """How long to wait after a round."""
        return Pauses(self.every_seconds, self.first_pause_seconds, self.longest_pause_seconds)


class ServicesSettings(Section):
    """The two services whose outboxes are drained."""

    partners: UpstreamSettings
    identity: UpstreamSettings


class MailerSettings(InternalServerSettings):
    """What the mailer needs beside what every internal server has.

    Mail for a caisse goes to its address in `caisses`, by code, else to `caisse_address`.
    """

    services: ServicesSettings
    smtp: SmtpSettings
    caisse_address: Address | None = None
    caisses: Mapping[CaisseCode, Address] = Field(default_factory=dict)
    delivery: DeliverySettings = DeliverySettings()

    @model_validator(mode="after")
    def _can_deliver(self) -> Self:
        if self.caisse_address is None and not self.caisses:
            raise ValueError("caisse_address or [caisses] must say where the caisses read their mail")
        if self.delivery.lease_seconds < 2 * self.smtp.timeout_seconds:
            raise ValueError("delivery.lease_seconds must be twice smtp.timeout_seconds at least")
        return self

    @property
    def caisse_addresses(self) -> CaisseAddresses:
        """Where each caisse reads its mail."""
        by_code = {code: EmailAddress(address) for code, address in self.caisses.items()}
        return CaisseAddresses(by_code, EmailAddress(self.caisse_address) if self.caisse_address else None)
