"""What is never an argument (N5): read from a JSON file or standard input, or asked for on a terminal."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Collection, Iterable
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import typer
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cli.errors import UsageFailed
from cli.parameters import STANDARD_INPUT, parse_day
from msa.partners.v1 import access_request_service_pb2 as request_pb
from msa.partners.v1 import habilitation_service_pb2 as habilitation_pb
from services.kit.messages import to_date
from services.kit.nir import Nir


class Record(BaseModel):
    """A JSON object with exactly these fields; a field's title is how it is asked for."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


R = TypeVar("R", bound=Record)


class User(Record):
    """A partner's user (annexe 2)."""

    nom: str = Field(title="Nom")
    prenom: str = Field(title="Prénom")
    email: str = Field(title="Adresse email")

    def to_message(self) -> habilitation_pb.User:
        """As the services take it."""
        return habilitation_pb.User(**self.model_dump())


class Identity(Record):
    """An agent of a caisse, or its director (art. 4-1)."""

    agent_name: str = Field(title="Name of the agent, e.g. odile.agents.qf.internal")
    nom: str = Field(title="Nom")
    prenom: str = Field(title="Prénom")


class Profile(Record):
    """Who represents a partner, and where reminders go."""

    representative: str | None = Field(None, title="Représentant")
    email: str | None = Field(None, title="Adresse email")


class SignedForm(Record):
    """What is on a complete form beside the user (annexe 2)."""

    signatory_name: str = Field(title="Le signataire: nom du représentant")
    signature_place: str = Field(title="Fait à")
    signature_date: date = Field(title="Le (YYYY-MM-DD)")
    scan_reference: str = Field("", title="Where the scan is filed")
    scan_sha256: str = ""

    def to_message(self, scan_sha256: str) -> habilitation_pb.SignedForm:
        """As the services take it, with the digest of the scan where there is one at hand."""
        return habilitation_pb.SignedForm(
            signatory_name=self.signatory_name,
            signature_place=self.signature_place,
            signature_date=to_date(self.signature_date),
            scan_sha256=scan_sha256 or self.scan_sha256,
            scan_reference=self.scan_reference,
        )


class UserOnForm(Record):
    """The user, as far as the form names him."""

    nom: str = ""
    prenom: str = ""
    email: str = ""


class AccessForm(Record):
    """The fields of the form as they stand on the paper (annexe 2); what is left out is missing on it."""

    partner_denomination: str = Field("", title="Le partenaire: dénomination")
    partner_representative: str = Field("", title="Le partenaire: représentant")
    partner_representative_function: str = Field("", title="Le partenaire: fonction")
    user: UserOnForm | None = None
    signatory_name: str = Field("", title="Le signataire: nom du représentant")
    signature_place: str = Field("", title="Fait à")
    signature_date: date | None = Field(None, title="Le (YYYY-MM-DD)")
    signed: bool = Field(False, title="Does it bear a signature?")
    scan_reference: str = Field("", title="Where the scan is filed")
    scan_sha256: str = ""

    def onto(self, form: request_pb.AccessRequestForm) -> request_pb.AccessRequestForm:
        """`form` with what is given here; the rest of it stays."""
        changed = request_pb.AccessRequestForm()
        changed.CopyFrom(form)
        for name in self.model_fields_set:
            _put(changed, name, getattr(self, name))
        return changed


def read_nir(nir_file: Path | None) -> Nir:
    """The NIR in the file, from standard input, or as typed when asked. Raises InvalidField, UsageFailed."""
    if nir_file is not None and nir_file != STANDARD_INPUT:
        return Nir.parse(_read(nir_file).strip())
    if nir_file is None and sys.stdin.isatty():
        return Nir.parse(str(typer.prompt("NIR (13 characters and key)", err=True)))
    line = sys.stdin.readline().strip()
    if not line:
        raise UsageFailed(
            "There is no NIR on standard input.", "Type it when asked, or give a file with --nir-file."
        )
    return Nir.parse(line)


def read_record(kind: type[R], file: Path | None, what: str) -> R:
    """The record in the file, on standard input, or as typed when asked. Raises UsageFailed that quotes nothing."""
    if file is None and sys.stdin.isatty():
        return _asked(kind)
    text = sys.stdin.read() if file is None or file == STANDARD_INPUT else _read(file)
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        raise UsageFailed(
            f"{what} is not described as it must be: {'; '.join(_complaints(error))}.",
            f"Give one JSON object with {_listed(kind)}.",
        ) from None


def require_own_input(files: Iterable[Path | None]) -> None:
    """Standard input holds one document. Raises UsageFailed where two are to be read from it."""
    piped = [file for file in files if file == STANDARD_INPUT or (file is None and not sys.stdin.isatty())]
    if len(piped) > 1:
        raise UsageFailed(
            "Only one document can come from standard input.", "Name a file for the other, e.g. --form FILE."
        )


def scan_digest(scan: Path | None) -> str:
    """SHA-256 of a scanned document, in hexadecimal digits; empty where none is given.

    Raises UsageFailed where it cannot be read: what goes on record is never altered, and would be there without it.
    """
    if scan is None:
        return ""
    try:
        with scan.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        raise UsageFailed(
            f"Cannot read {scan}.", "Nothing was recorded. Name a file that is there, or leave out --scan."
        ) from None


def _asked(kind: type[R]) -> R:
    """The record as typed, field by field; Enter leaves an optional one out."""
    answers: dict[str, Any] = {}
    for name, field in kind.model_fields.items():
        if field.annotation == UserOnForm | None:
            users = User.model_fields.items()
            answers[name] = _given({key: _answer(of.title, str, required=False) for key, of in users})
        elif field.title is not None:
            answers[name] = _answer(field.title, field.annotation, required=field.is_required())
    return kind.model_validate_json(json.dumps(_given(answers)))


def _given(answers: dict[str, Any]) -> dict[str, Any]:
    return {name: answer for name, answer in answers.items() if answer not in ("", {})}


def _answer(question: str | None, kind: object, *, required: bool) -> object:
    words = question or ""
    if kind is bool:
        return typer.confirm(words, err=True)
    read = _day_or_nothing if kind in {date, date | None} else None
    return typer.prompt(
        words, default=None if required else "", show_default=False, err=True, value_proc=read
    )


def _day_or_nothing(text: str) -> str:
    return parse_day(text).isoformat() if text else ""


def _put(message: Any, name: str, value: object) -> None:
    match value:
        case None:
            message.ClearField(name)
        case date():
            getattr(message, name).CopyFrom(to_date(value))
        case Record():
            getattr(message, name).SetInParent()
            for inner in value.model_fields_set:
                _put(getattr(message, name), inner, getattr(value, inner))
        case _:
            setattr(message, name, value)


def _complaints(error: ValidationError) -> Collection[str]:
    """What is wrong, by field: pydantic's words hold no value."""
    return [
        ": ".join(filter(None, (".".join(map(str, told["loc"])), told["msg"])))
        for told in error.errors(include_input=False, include_url=False, include_context=False)
    ]


def _listed(kind: type[Record]) -> str:
    return ", ".join(
        f'"{name}"' if field.is_required() else f'"{name}" (optional)'
        for name, field in kind.model_fields.items()
    )


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise UsageFailed(
            f"Cannot read {path}.", "Check that the file is there, readable and UTF-8."
        ) from None
