"""`qf person`: the rights of a person over her data (art. 6-3, RGPD art. 12 to 21)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated

import typer

from cli import forms, paging, register, statements, views
from cli.application import Qf, command
from cli.errors import CommandFailed
from cli.letters import writing
from cli.output import Row
from cli.parameters import CaisseOption, NirFileOption, YesOption, confirm
from cli.statements import Names, PersonRecord, Statement
from msa.quotient.v1 import disclosure_service_pb2 as disclosure_pb
from msa.quotient.v1 import disclosure_service_pb2_grpc as disclosure_rpc
from msa.quotient.v1 import journal_service_pb2 as journal_pb
from msa.quotient.v1 import journal_service_pb2_grpc as journal_rpc
from msa.quotient.v1 import person_service_pb2 as pb
from msa.quotient.v1 import person_service_pb2_grpc as rpc
from services.kit.clock import PARIS, SystemClock
from services.kit.errors import Reason
from services.kit.nir import Nir

group = typer.Typer(
    no_args_is_help=True, help="The rights of a person: what is kept of her, who saw it, its erasure."
)

# Why it stays, by the name of its kind.
_REASONS: Mapping[str, str] = {
    "OPEN_DOSSIER": "open: the caisse needs it for its task (RGPD art. 17(3)(b))",
    "SHARED_DOSSIER": "somebody else's as well, who did not ask (RGPD art. 15(4))",
    "JOURNAL_LINE": "the proof of who looked, until its time is over (RGPD art. 5(2), 17(3)(e))",
    "OPPOSITION": "without it the objection would not hold (RGPD art. 21)",
}


def parse_known_on(text: str) -> datetime:
    """The instant in `text`: a day stands for its last instant in Paris. Raises typer.BadParameter.

    "2026-10-01T09:00" is a time in Paris; with an offset it is an instant.
    """
    try:
        if len(text) == len("2026-10-01"):
            next_day = date.fromisoformat(text) + timedelta(days=1)
            return datetime.combine(next_day, time(), PARIS) - timedelta(microseconds=1)
        moment = datetime.fromisoformat(text)
        return moment if moment.tzinfo else moment.replace(tzinfo=PARIS)
    except (ValueError, OverflowError):
        raise typer.BadParameter(
            "give a day as YYYY-MM-DD, or a time as 2026-10-01T09:00 (in Paris) or 2026-10-01T07:00Z"
        ) from None


@command(
    group,
    "statement",
    examples=[
        "qf person statement --caisse 21 --pdf statement.pdf",
        "qf person statement --caisse 21 --json-file statement.json --nir-file person.txt",
        "qf person statement --caisse 21 --json",
    ],
)
def statement(
    qf: Qf,
    caisse: CaisseOption,
    pdf: Annotated[
        Path | None,
        typer.Option(
            "--pdf", metavar="FILE.pdf", help="Write the letter to her; only you may read the file."
        ),
    ] = None,
    json_file: Annotated[
        Path | None,
        typer.Option(
            "--json-file",
            metavar="FILE",
            help="Write it as JSON; only you may read the file. --json shows it.",
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there.")] = False,
    nir_file: NirFileOption = None,
) -> None:
    """Tells a person who consulted her QF, when, why and what was shown, and what is kept of her (RGPD art. 15).

    First make sure of who she is (art. 6-3). The letter, in French, is addressed by the dossier that she holds, and
    names partners, not their agents. What is in the JSON: docs/guides/person-rights.md.
    """
    nir = forms.read_nir(nir_file)
    composed = _composed(qf, nir, caisse, register.caisse(qf, caisse).name)
    written: dict[str, str] = {}
    if pdf is not None:
        _warn_of_addressee(qf, composed)
        writing.write_statement_letter(qf, composed, pdf, overwrite=overwrite)
        written["letter"] = str(pdf)
    if json_file is not None:
        content = f"{composed.model_dump_json(indent=2)}\n".encode()
        writing.write_file(content, json_file, overwrite=overwrite)
        written["json_file"] = str(json_file)
    if written:
        qf.output.record("Statement written", written)
    elif qf.output.as_json:
        qf.output.document(composed.model_dump(mode="json"))
    else:
        _show_consultations(qf, composed)
        _show_record(qf, composed)


@command(
    group,
    "show",
    examples=["qf person show --caisse 21", "qf person show --caisse 21 --known-on 2026-10-01"],
)
def show(
    qf: Qf,
    caisse: CaisseOption,
    known_on: Annotated[
        datetime | None,
        typer.Option(
            "--known-on",
            parser=parse_known_on,
            metavar="DAY",
            help="As it was known at the end of this day in Paris, YYYY-MM-DD, or at a time, 2026-10-01T09:00.",
        ),
    ] = None,
    nir_file: NirFileOption = None,
) -> None:
    """Shows what a caisse keeps of a person: dossiers, QFs in their two times, oppositions, erasures.

    With --known-on, what was known then, without what became of it since: so what a partner would have been shown on
    that day. Coordonnées are those of now, and what was erased since is gone.
    """
    record = _record(qf, forms.read_nir(nir_file), caisse, known_on)
    told = statements.person_record(record, _names(qf, statements.partner_ids(record)))
    if qf.output.as_json:
        qf.output.document(told.model_dump(mode="json"))
    else:
        _show_record(qf, told)


@command(
    group,
    "erase",
    examples=[
        "qf person erase --caisse 21 --reference EFF-2026-7",
        "qf person erase --caisse 21 --reference EFF-2026-7 --nir-file person.txt --yes",
    ],
)
def erase(
    qf: Qf,
    caisse: CaisseOption,
    reference: Annotated[str, typer.Option("--reference", metavar="REF", help="The person's request.")],
    nir_file: NirFileOption = None,
    yes: YesOption = False,
) -> None:
    """Erases of a person what the law allows, and tells what stays and why (RGPD art. 17).

    Gone are closed dossiers that are nobody else's, with their coordonnées and all that was ever known of their QFs.
    Make sure of who she is first, and write her statement if she wants one: afterwards no amount can be told.
    """
    confirm("Erase what the law allows of this person's data? It cannot be brought back.", yes=yes)
    request = pb.ErasePersonRequest(
        nir=forms.read_nir(nir_file).reveal(), caisse_code=caisse, reference=reference
    )
    reply = qf.services.quotient.call(_persons(qf).ErasePerson, request)
    kept = [_kept(each) for each in reply.kept]
    if qf.output.as_json:
        qf.output.document({"erasure": views.fields(reply.erasure), "kept": kept})
        return
    qf.output.record("Erased", views.fields(reply.erasure))
    qf.output.records("What stays, and why", kept, "Nothing else is kept.")


def _composed(qf: Qf, nir: Nir, caisse: str, caisse_name: str) -> Statement:
    """Everything that is told to the person, from the three services that know it."""
    record = _record(qf, nir, caisse, None)
    lines = _lines(qf, nir, caisse)
    names = _names(qf, statements.partner_ids(record, lines))
    return Statement(
        **dict(statements.person_record(record, names)),
        caisse_code=caisse,
        caisse_name=caisse_name,
        written_time=SystemClock().now(),
        journal_retention_months=_retention_months(qf, caisse),
        consultations=[statements.consultation(line, names) for line in lines],
    )


def _record(qf: Qf, nir: Nir, caisse: str, known_at: datetime | None) -> pb.GetPersonRecordResponse:
    request = pb.GetPersonRecordRequest(nir=nir.reveal(), caisse_code=caisse)
    if known_at is not None:
        request.known_at.FromDatetime(known_at)
    return qf.services.quotient.call(_persons(qf).GetPersonRecord, request)


def _lines(qf: Qf, nir: Nir, caisse: str) -> list[disclosure_pb.Disclosure]:
    service = qf.services.quotient
    stub = disclosure_rpc.DisclosureServiceStub(service.channel)
    return paging.every(
        lambda size, token: service.call(
            stub.ListDisclosures,
            disclosure_pb.ListDisclosuresRequest(
                caisse_code=caisse, nir=nir.reveal(), page_size=size, page_token=token
            ),
        ),
        lambda page: page.disclosures,
    )


def _retention_months(qf: Qf, caisse: str) -> int:
    service = qf.services.quotient
    stub = journal_rpc.JournalServiceStub(service.channel)
    return service.call(stub.GetRetention, journal_pb.GetRetentionRequest(caisse_code=caisse)).months


def _names(qf: Qf, partner_ids: Iterable[str]) -> Names:
    """The dénominations of those that the register of partners knows."""
    found = {partner_id: _denomination(qf, partner_id) for partner_id in sorted(partner_ids)}
    return {partner_id: name for partner_id, name in found.items() if name is not None}


def _denomination(qf: Qf, partner_id: str) -> str | None:
    try:
        return register.partner(qf, partner_id).denomination
    except CommandFailed as failed:
        if failed.reason != Reason.RECORD_NOT_FOUND:
            raise
        return None


def _warn_of_addressee(qf: Qf, composed: Statement) -> None:
    current = next((dossier for dossier in composed.dossiers if dossier.held_to is None), None)
    if current is None or current.coordonnees is None:
        qf.output.note("No address is known: write it on the dotted lines.")
    elif len(current.coordonnees.allocataires) > 1:
        qf.output.note(
            "The dossier has several allocataires: check that the letter is addressed to the one who asked."
        )


def _show_consultations(qf: Qf, composed: Statement) -> None:
    rows = [
        {
            "when": each.disclose_time,
            "partner": each.partner.denomination or each.partner.partner_id,
            "purpose": each.purpose_text or each.purpose,
            "case_reference": each.case_reference,
            "month": each.month,
            "outcome": each.outcome,
            "shown": [_euros(quotient.amount_cents) for quotient in each.quotients_shown],
        }
        for each in composed.consultations
    ]
    qf.output.records("Consultations, newest first", rows, "Nobody consulted it.")


def _show_record(qf: Qf, told: PersonRecord) -> None:
    qf.output.records("Dossiers", [_dossier_row(each) for each in told.dossiers], "No dossier is kept.")
    quotients = [
        {
            "numero_dossier": dossier.numero_dossier,
            **each.model_dump(include={"valid_from", "valid_to"}),
            "amount": _euros(each.amount_cents),
            **each.model_dump(
                include={"known_from", "known_to", "publication_kind", "publication_reference"}
            ),
        }
        for dossier in told.dossiers
        for each in dossier.quotients
    ]
    qf.output.records("QFs, and when they were known", quotients, "No QF is kept.")
    qf.output.records(
        "Oppositions", [_opposition_row(each) for each in told.oppositions], "There is no opposition."
    )
    erasures = [each.model_dump() for each in told.erasures]
    qf.output.records("Erasures", erasures, "Nothing was erased.")


def _dossier_row(dossier: statements.Dossier) -> Row:
    coordonnees = dossier.coordonnees
    return {
        **dossier.model_dump(include={"numero_dossier", "held_from", "held_to", "closed_from"}),
        "destinataire": coordonnees.destinataire if coordonnees else None,
        "numero_libelle_voie": coordonnees.numero_libelle_voie if coordonnees else None,
        "code_postal_ville": coordonnees.code_postal_ville if coordonnees else None,
    }


def _opposition_row(opposition: statements.Opposition) -> Row:
    partner, withdrawal = opposition.partner, opposition.withdrawal
    return {
        "scope": (partner.denomination or partner.partner_id) if partner else "every partner",
        **opposition.model_dump(
            include={"requester", "declarant", "channel", "received_on", "reference", "record_time"}
        ),
        "withdraw_time": withdrawal.withdraw_time if withdrawal else None,
        "withdrawal_reference": withdrawal.reference if withdrawal else None,
    }


def _euros(amount_cents: int) -> str:
    return f"{amount_cents // 100}.{amount_cents % 100:02d} EUR"


def _kept(kept: pb.KeptData) -> Row:
    kind = views.fields(kept, "kind")["kind"]
    return {"what": kind, "how_many": kept.item_count, "why": _REASONS.get(str(kind))}


def _persons(qf: Qf) -> rpc.PersonServiceStub:
    return rpc.PersonServiceStub(qf.services.quotient.channel)
