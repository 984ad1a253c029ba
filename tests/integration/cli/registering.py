"""A partner, its convention and its user, each registered by its command on the real services."""

import json
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from cli.parameters import today
from tests.integration.cli.process import Qf

CAISSE = "21"
USER = {"nom": "GARMELIN", "prenom": "Agathe", "email": "agathe.garmelin@valbrune.example"}
PROFILE = {"representative": "Baptiste ORVEILLAC", "email": "maire@valbrune.example"}


@dataclass(frozen=True)
class Registered:
    """A partner with a convention in force and one user."""

    partner_id: str
    convention_id: str
    user: dict[str, Any]


def new_numero() -> str:
    """A numéro de tiers that no other test uses."""
    return f"T{secrets.token_hex(6)}"


def days_ago(days: int) -> date:
    """A day before today, in Europe/Paris."""
    return today() - timedelta(days)


def signed_form(**changes: Any) -> dict[str, Any]:
    """What stands on a complete form beside the user and the partner."""
    form = {
        "signatory_name": "Baptiste ORVEILLAC",
        "signature_place": "Valbrune",
        "signature_date": days_ago(1).isoformat(),
        "scan_reference": "GED-2027-31",
    }
    return {**form, **changes}


@contextmanager
def file_of(content: object) -> Iterator[str]:
    """A file with `content` as JSON, or as text; its path."""
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        file.write(content if isinstance(content, str) else json.dumps(content))
        file.flush()
        yield str(Path(file.name))


async def register_partner(qf: Qf, numero: str = "") -> Any:
    """A partner of whom all is known that a form needs."""
    return await qf.json(
        *("partner", "register", "--caisse", CAISSE, "--numero-tiers", numero or new_numero()),
        *("--denomination", "Mairie de Valbrune", "--representative-function", "Maire"),
        *("--profile-file", "-"),
        stdin=json.dumps(PROFILE),
    )


async def register_convention(qf: Qf, partner_id: str, signed: str = "2026-01-15") -> Any:
    """A convention in force."""
    convention = await qf.json(
        *("convention", "register", "--partner", partner_id, "--caisse", CAISSE),
        *("--signed", signed, "--cnil-declared", "2026-01-10"),
    )
    assert convention["state"] == "IN_FORCE"
    return convention


async def register_user(qf: Qf, convention_id: str, *options: str, **user: str) -> Any:
    """A user with his credentials, from a form that is complete."""
    with file_of(signed_form()) as form, file_of("the scanned form") as scan:
        return await qf.json(
            *("user", "register", "--convention", convention_id, "--form-file", form, "--scan", scan),
            *options,
            stdin=json.dumps({**USER, **user}),
        )


async def register(qf: Qf, signed: str = "2026-01-15") -> Registered:
    """Registers a partner, a convention in force and a user, each by its command."""
    partner = await register_partner(qf)
    convention = await register_convention(qf, partner["partner_id"], signed)
    user = await register_user(qf, convention["convention_id"])
    return Registered(partner["partner_id"], convention["convention_id"], user)
