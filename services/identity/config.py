"""The settings of identity."""

from datetime import timedelta
from pathlib import Path

from pydantic import Field

from services.kit.config import DatabaseSettings, InternalServerSettings, RedisSettings, Section
from services.kit.hours import HoursSettings


class SessionSettings(Section):
    """How long a session lives (art. 7-1), how many an account has, and how many consultations may be asked for.

    The limits of a minute are announced to callers: of an account, of all accounts of a partner, of an address (IPv6:
    of its /64).
    """

    idle_timeout_seconds: int = Field(default=15 * 60, ge=1)
    lifetime_seconds: int = Field(default=8 * 60 * 60, ge=1)
    # So much is left when a session is said to expire soon.
    warning_seconds: int = Field(default=2 * 60, ge=0)
    # Credentials are strictly personal (art. 4-3): whoever signs in ends the session before.
    sessions_per_account: int = Field(default=1, ge=1)
    calls_per_minute: int = Field(default=600, ge=1)
    partner_calls_per_minute: int = Field(default=3000, ge=1)
    address_calls_per_minute: int = Field(default=3000, ge=1)
    # How far the clocks of two servers may be apart; a session that was used later than that from now is over.
    clock_tolerance_seconds: int = Field(default=30, ge=0)

    @property
    def idle_timeout(self) -> timedelta:
        """After this long without a call a session is over."""
        return timedelta(seconds=self.idle_timeout_seconds)

    @property
    def lifetime(self) -> timedelta:
        """After this long a session is over in any case."""
        return timedelta(seconds=self.lifetime_seconds)

    @property
    def warning(self) -> timedelta:
        """When no more than this is left, a session expires soon."""
        return timedelta(seconds=self.warning_seconds)

    @property
    def clock_tolerance(self) -> timedelta:
        """How far the clocks of two servers may be apart."""
        return timedelta(seconds=self.clock_tolerance_seconds)


class PasswordSettings(Section):
    """What hashing a password costs, how many are hashed at a time, and how passwords age (art. 4-3).

    Every hash in progress takes `memory_kib` and up to `parallelism` cores; `concurrent_hashes` bounds both. So many
    more wait as `maximum_waiting_hashes`, and as many again of people known to be users; further ones are refused.
    A stored hash that cost less than is set now is renewed at the account's next sign-in.
    """

    memory_kib: int = Field(default=64 * 1024, ge=8)
    iterations: int = Field(default=3, ge=1)
    parallelism: int = Field(default=4, ge=1)
    concurrent_hashes: int = Field(default=2, ge=1)
    maximum_waiting_hashes: int = Field(default=24, ge=0)
    temporary_validity_days: int = Field(default=30, ge=1)
    renewal_reminder_days: int = Field(default=365, ge=1)
    remembered_passwords: int = Field(default=5, ge=1)
    # One password a line, in UTF-8, beside the common ones that the package brings.
    common_passwords_file: Path | None = None

    @property
    def temporary_validity(self) -> timedelta:
        """How long a temporary password opens the account."""
        return timedelta(days=self.temporary_validity_days)


class SignInSettings(Section):
    """How often passwords may be guessed wrong (CNIL deliberation 2022-100), and how long a device stays known.

    The delays and the tries of a day bind an account, each of its known devices, and each session that asks for the
    password again. The limits of a network and of all bind who comes from a browser that is not known.
    """

    free_failures: int = Field(default=5, ge=1)
    first_delay_seconds: int = Field(default=90, ge=1)
    maximum_delay_seconds: int = Field(default=15 * 60, ge=1)
    maximum_tries_per_day: int = Field(default=25, ge=1, le=1000)
    network_failures_per_hour: int = Field(default=100, ge=1)
    global_failures_per_minute: int = Field(default=300, ge=1)
    device_validity_days: int = Field(default=180, ge=1, le=3650)

    @property
    def device_validity(self) -> timedelta:
        """How long after its last sign-in a device is still known."""
        return timedelta(days=self.device_validity_days)


class SecondFactorSettings(Section):
    """How an authenticator app names the account, and how long a secret may wait for its first code."""

    # A colon would end the name in what the app reads.
    issuer: str = Field(default="MSA Quotient familial", pattern=r"^[^:]{1,64}$")
    enrolment_validity_seconds: int = Field(default=15 * 60, ge=1)

    @property
    def enrolment_validity(self) -> timedelta:
        """After this long a secret that no code confirmed is void."""
        return timedelta(seconds=self.enrolment_validity_seconds)


class EventSettings(Section):
    """How long security events are kept: CNIL deliberation 2021-122 advises six months to a year."""

    retention_days: int = Field(default=365, ge=184)

    @property
    def retention(self) -> timedelta:
        """How long they are kept."""
        return timedelta(days=self.retention_days)


class HousekeepingSettings(Section):
    """How often dormant accounts are looked for and what is old is removed."""

    every_seconds: float = Field(default=60 * 60, gt=0)


class KeySettings(Section):
    """Files of 32 raw bytes each.

    `index_key_file`: the keys of all digests (logins, personal words, device tokens) derive from it. Losing it forgets
    wrong passwords and known devices, and lets names into passwords; nobody is locked out. `data_key_file`: seals the
    secrets of second factors. Losing it, their users must enrol anew.
    """

    index_key_file: Path
    data_key_file: Path


class IdentitySettings(InternalServerSettings):
    """What identity's server needs beside what every internal server has."""

    database: DatabaseSettings
    redis: RedisSettings
    keys: KeySettings
    sessions: SessionSettings = SessionSettings()
    passwords: PasswordSettings = PasswordSettings()
    sign_in: SignInSettings = SignInSettings()
    second_factor: SecondFactorSettings = SecondFactorSettings()
    events: EventSettings = EventSettings()
    housekeeping: HousekeepingSettings = HousekeepingSettings()
    hours: HoursSettings = HoursSettings()
