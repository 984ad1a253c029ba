"""Strict configuration: a TOML file, overridden by the environment; an unknown key stops the start."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from services.kit.redis_url import RedisMode, parse_redis_url


class ConfigError(Exception):
    """The configuration cannot be used; the text names the key and the remedy, never a value."""


class Section(BaseModel):
    """A table of the configuration. Keys it does not know are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


S = TypeVar("S", bound=Section)


class TlsSettings(Section):
    """Mutual TLS (art. 7-1): PEM files of this process's certificate, its key, and the CA it trusts."""

    certificate_file: Path
    private_key_file: Path
    ca_file: Path


class TelemetrySettings(Section):
    """Where spans go. An empty endpoint turns export off."""

    otlp_endpoint: str = ""
    sample_ratio: float = Field(default=1.0, ge=0, le=1)


class DatabaseSettings(Section):
    """One PostgreSQL database and the role that this process uses."""

    host: str
    port: int = 5432
    name: str
    user: str
    password_file: Path
    pool_max_size: int = Field(default=8, ge=1)
    sslmode: str = "prefer"


class RedisSettings(Section):
    """Redis or Valkey: one server, several behind Sentinels, or a cluster; `url` says which.

    docs/guides/redis.md shows the forms of `url`. With TLS (`rediss…`) certificates are checked against `ca_file`, or
    against what the system trusts where it is left out. Sentinels may have a password of their own.
    """

    # A URL that is refused may hold a password.
    model_config = ConfigDict(hide_input_in_errors=True)

    url: str
    username: str = "default"
    password_file: Path
    sentinel_password_file: Path | None = None
    ca_file: Path | None = None

    @field_validator("url")
    @classmethod
    def _has_a_known_form(cls, url: str) -> str:
        parse_redis_url(url)
        return url

    @model_validator(mode="after")
    def _fits_its_url(self) -> Self:
        url = parse_redis_url(self.url)
        if self.ca_file and not url.tls:
            raise ValueError("ca_file is of use with TLS only: begin url with rediss, or leave ca_file out")
        if self.sentinel_password_file and url.mode is not RedisMode.SENTINEL:
            raise ValueError("sentinel_password_file is of use with redis+sentinel:// only: leave it out")
        return self


class ServerSettings(Section):
    """What every server has; each service adds its own tables."""

    listen_address: str
    reflection: bool = False
    shutdown_grace_seconds: float = Field(default=5, gt=0)
    maximum_concurrent_rpcs: int = Field(default=1000, ge=1)
    default_deadline_seconds: float = Field(default=10, gt=0)
    telemetry: TelemetrySettings = TelemetrySettings()


class InternalServerSettings(ServerSettings):
    """A server for MSA systems: mutual TLS, and the certificate names that stand behind each role."""

    tls: TlsSettings
    clients: Mapping[str, tuple[str, ...]]


def load(
    settings_class: type[S],
    path: Path,
    env_prefix: str,
    environ: Mapping[str, str] = os.environ,
) -> S:
    """Reads `path`, lays `<env_prefix>SECTION__KEY` variables over it, validates.

    Raises ConfigError naming each key that is unknown, missing or wrong.
    """
    values = _read(path)
    for name, value in environ.items():
        if name.startswith(env_prefix):
            _overlay(values, name.removeprefix(env_prefix).lower().split("__"), value)
    try:
        return settings_class.model_validate(values)
    except ValidationError as error:
        raise ConfigError(_explain(error, path, env_prefix)) from None


def read_secret(path: Path) -> str:
    """The secret that `path` holds, without its line end. Raises ConfigError when it cannot be read."""
    try:
        return path.read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as error:
        raise ConfigError(f"cannot read the secret file {path}: {error.strerror}") from None


def read_key(path: Path, length_bytes: int = 32) -> bytes:
    """The raw key that `path` holds. Raises ConfigError when it is unreadable or of another length."""
    try:
        key = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot read the key file {path}: {error.strerror}") from None
    if len(key) != length_bytes:
        raise ConfigError(f"the key file {path} must hold exactly {length_bytes} bytes")
    return key


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise ConfigError(f"cannot read the configuration {path}: {error.strerror}") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not TOML: {error}") from None


def _overlay(values: dict[str, Any], keys: list[str], value: str) -> None:
    *tables, last = keys
    for table in tables:
        values = values.setdefault(table, {})
    values[last] = value


def _explain(error: ValidationError, path: Path, env_prefix: str) -> str:
    lines = [f"{path} (with {env_prefix}* variables) cannot be used:"]
    for problem in error.errors(include_input=False, include_url=False):
        key = ".".join(str(part) for part in problem["loc"])
        unknown = problem["type"] == "extra_forbidden"
        lines.append(f"  {key}: {'unknown key; remove or correct it' if unknown else problem['msg']}")
    return "\n".join(lines)
