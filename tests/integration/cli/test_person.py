"""`qf person` on the real services: what a person is told, and what is erased, as she asked (RGPD art. 15, 17)."""

import asyncio
import io
import json
import re
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from google.type import date_pb2
from pypdf import PdfReader

from cli.people import synthetic_nir
from cli.statements import Statement
from msa.quotient.v1 import disclosure_service_pb2 as pb
from msa.quotient.v1 import disclosure_service_pb2_grpc as rpc
from msa.quotient.v1 import dossier_service_pb2 as dossier_pb
from msa.quotient.v1 import dossier_service_pb2_grpc as dossier_rpc
from tests.integration.cli.process import Qf, shown_by_the_system
from tests.integration.cli.registering import CAISSE, Registered, file_of, register
from tests.stack import Stack

AT_CAISSE = ("--caisse", CAISSE)
NAME, REFERENCE = "Zwetschgenfleck", "EFF-ZWETSCHGE-7"
FIRST_CENTS, SECOND_CENTS = 3133713, 4242424
FLUSH_SECONDS = 2.0


@pytest.fixture
def qf(stack: Stack) -> Qf:
    """`qf` for the stack."""
    return Qf(stack.layout.qf_config_file)


@pytest.fixture(scope="module")
async def partner(stack: Stack) -> Registered:
    """A partner that consults."""
    return await register(Qf(stack.layout.qf_config_file))


def new_nir() -> str:
    """The NIR of an invented person that no other test uses."""
    return synthetic_nir(1_000_000 + secrets.randbelow(60_000_000), 2)


async def publish(stack: Stack, nir: str, amount_cents: int, *, is_closed: bool = False) -> None:
    """What the caisse's file says of the person's dossier."""
    record = dossier_pb.DossierRecord(
        caisse_code=CAISSE,
        numero_dossier=f"P{nir[:4:-1]}",
        nir=nir,
        coordonnees=dossier_pb.Coordonnees(
            allocataires=[dossier_pb.Allocataire(nom_naissance=NAME, prenoms="Capucine")],
            destinataire=f"Madame Capucine {NAME}",
            numero_libelle_voie="3 chemin des Orties",
            code_postal_ville="21999 VALLOMBREUSE",
            pays="FRANCE",
        ),
        quotient_period=dossier_pb.QuotientPeriod(
            valid_from=date_pb2.Date(year=2026, month=11, day=1), amount_cents=amount_cents
        ),
    )
    if is_closed:
        record.closed_from.CopyFrom(date_pb2.Date(year=2020, month=1, day=1))
    async with stack.channel("quotient", "qf") as channel:
        request = dossier_pb.PublishDossiersRequest(records=[record])
        call = dossier_rpc.DossierServiceStub(channel).PublishDossiers(iter([request]))
        assert [result.rule async for answer in call for result in answer.results] == [""]


async def consult(stack: Stack, nir: str, partner_id: str, times: int = 1) -> None:
    """So many consultations by the partner, as the gateway makes them."""
    item = pb.DiscloseItem(
        nir=nir,
        caisse_code=CAISSE,
        month=date_pb2.Date(year=2026, month=11, day=1),
        purpose=pb.PURPOSE_CANTEEN,
        case_reference="CANTINE-31",
        account_id=str(uuid4()),
        habilitation_id=str(uuid4()),
        partner_id=partner_id,
        convention_id=str(uuid4()),
    )
    async with stack.channel("quotient", "gateway") as channel:
        stub = rpc.DisclosureServiceStub(channel)
        for start in range(0, times, 500):
            items = [item] * min(500, times - start)
            await stub.Disclose(pb.DiscloseRequest(items=items), timeout=10)


async def text_of(path: Path) -> str:
    """What a PDF says, on one line."""
    content = await asyncio.to_thread(path.read_bytes)
    pages = PdfReader(io.BytesIO(content)).pages
    return " ".join(" ".join(page.extract_text().replace("\u200b", "").split()) for page in pages)


async def test_a_person_is_told_all_of_it_in_a_letter_and_as_json(
    qf: Qf, stack: Stack, partner: Registered, tmp_path: Path
) -> None:
    nir = new_nir()
    await publish(stack, nir, FIRST_CENTS)
    await consult(stack, nir, partner.partner_id)
    await publish(stack, nir, SECOND_CENTS)
    await consult(stack, nir, str(uuid4()))
    await qf.json("opposition", "record", *AT_CAISSE, "--channel", "letter", stdin=nir)
    await consult(stack, nir, partner.partner_id)
    letter, document = tmp_path / "statement.pdf", tmp_path / "statement.json"
    written = await qf.json(
        *("person", "statement", *AT_CAISSE, "--pdf", str(letter), "--json-file", str(document)), stdin=nir
    )
    assert written == {"letter": str(letter), "json_file": str(document)}
    assert {stat.S_IMODE(path.stat().st_mode) for path in (letter, document)} == {0o600}

    statement = Statement.model_validate_json(document.read_text())
    opposed, unknown, first = statement.consultations
    assert [each.outcome for each in statement.consultations] == ["OPPOSED", "AVAILABLE", "AVAILABLE"]
    assert [each.amount_cents for each in first.quotients_shown] == [FIRST_CENTS]
    assert [each.amount_cents for each in unknown.quotients_shown] == [SECOND_CENTS]
    assert (first.partner.denomination, unknown.partner.denomination) == ("Mairie de Valbrune", None)
    assert opposed.quotients_shown == []
    (dossier,) = statement.dossiers
    assert [each.amount_cents for each in dossier.quotients] == [FIRST_CENTS, SECOND_CENTS]
    assert (statement.caisse_name, statement.journal_retention_months) == ("MSA Bourgogne", 36)
    assert len(statement.oppositions) == 1

    text = await text_of(letter)
    assert f"Madame Capucine {NAME} 3 chemin des Orties 21999 VALLOMBREUSE" in text
    assert "Mairie de Valbrune Restauration scolaire réf. CANTINE-31" in text
    assert text.count("31 337,13 €") == 2
    assert text.count("42 424,24 €") == 2
    assert "Rien de votre dossier. Le partenaire a appris qu’une opposition est enregistrée." in text
    assert nir[:13] not in text


async def test_every_consultation_is_told_however_many_pages_the_journal_has(
    qf: Qf, stack: Stack, partner: Registered
) -> None:
    nir = new_nir()
    await consult(stack, nir, partner.partner_id, times=501)
    statement = await qf.json("person", "statement", *AT_CAISSE, stdin=nir)
    assert len({each["consultation_id"] for each in statement["consultations"]}) == 501
    assert {each["outcome"] for each in statement["consultations"]} == {"NOT_FOUND"}


async def test_of_somebody_unknown_there_is_a_statement_that_says_so(qf: Qf, tmp_path: Path) -> None:
    letter = tmp_path / "statement.pdf"
    told = await qf.run("person", "statement", *AT_CAISSE, "--pdf", str(letter), stdin=new_nir())
    assert told.status == 0
    assert "No address is known" in told.stderr
    assert "Aucun dossier n’est conservé à votre nom" in await text_of(letter)


async def test_a_file_that_is_there_is_kept_unless_asked(qf: Qf, tmp_path: Path) -> None:
    document = tmp_path / "statement.json"
    document.write_text("mine")
    arguments = ("person", "statement", *AT_CAISSE, "--json-file", str(document))
    assert (await qf.run(*arguments, stdin=new_nir())).status == 2
    assert document.read_text() == "mine"
    assert (await qf.run(*arguments, "--overwrite", stdin=new_nir())).status == 0
    assert json.loads(document.read_text())["kind"] == "msa.quotient.person-statement.v1"
    assert stat.S_IMODE(document.stat().st_mode) == 0o600


async def test_it_is_shown_on_the_terminal(qf: Qf, stack: Stack, partner: Registered) -> None:
    nir = new_nir()
    await publish(stack, nir, FIRST_CENTS)
    await consult(stack, nir, partner.partner_id)
    told = (await qf.run("person", "statement", *AT_CAISSE, stdin=nir)).stdout
    assert re.search(r"Mairie de Valbrune +CANTEEN +CANTINE-31 +2026-11 +AVAILABLE +31337\.13 EUR", told)
    assert f"Madame Capucine {NAME}" in told
    assert "There is no opposition." in told


async def test_what_was_known_on_a_day_is_shown(qf: Qf, stack: Stack) -> None:
    nir = new_nir()
    await publish(stack, nir, FIRST_CENTS)
    await publish(stack, nir, SECOND_CENTS)
    now = await qf.json("person", "show", *AT_CAISSE, stdin=nir)
    first, second = now["dossiers"][0]["quotients"]
    assert (first["amount_cents"], second["amount_cents"]) == (FIRST_CENTS, SECOND_CENTS)
    at_first = await qf.json("person", "show", *AT_CAISSE, "--known-on", first["known_from"], stdin=nir)
    assert [each["amount_cents"] for each in at_first["dossiers"][0]["quotients"]] == [FIRST_CENTS]
    before = await qf.json("person", "show", *AT_CAISSE, "--known-on", "2026-01-01", stdin=nir)
    assert before == {"dossiers": [], "oppositions": [], "erasures": []}
    table = (await qf.run("person", "show", *AT_CAISSE, stdin=nir)).stdout
    assert "31337.13 EUR" in table
    assert "Nothing was erased." in table


async def test_an_erasure_says_what_is_gone_and_what_stays_and_why(
    qf: Qf, stack: Stack, partner: Registered
) -> None:
    nir = new_nir()
    await publish(stack, nir, FIRST_CENTS)
    await consult(stack, nir, partner.partner_id)
    await publish(stack, nir, FIRST_CENTS, is_closed=True)
    erase = ("person", "erase", *AT_CAISSE, "--reference", REFERENCE, "--yes")
    erased = await qf.json(*erase, stdin=nir)
    assert (erased["erasure"]["dossier_count"], erased["erasure"]["period_count"]) == (1, 1)
    assert erased["erasure"]["reference"] == REFERENCE
    assert erased["kept"] == [
        {
            "what": "JOURNAL_LINE",
            "how_many": 1,
            "why": "the proof of who looked, until its time is over (RGPD art. 5(2), 17(3)(e))",
        }
    ]
    statement = await qf.json("person", "statement", *AT_CAISSE, stdin=nir)
    (line,) = statement["consultations"]
    assert (line["quotients_shown"], line["quotient_starts"]) == ([], ["2026-11-01"])
    assert statement["dossiers"] == []
    assert len(statement["erasures"]) == 1
    shown = (await qf.run(*erase, stdin=nir)).stdout
    assert "What stays, and why" in shown


async def test_an_open_dossier_stays_and_it_is_said_why(qf: Qf, stack: Stack) -> None:
    nir = new_nir()
    await publish(stack, nir, FIRST_CENTS)
    told = await qf.run("person", "erase", *AT_CAISSE, "--reference", REFERENCE, "--yes", stdin=nir)
    assert (
        "OPEN_DOSSIER  1         open: the caisse needs it for its task (RGPD art. 17(3)(b))" in told.stdout
    )


async def test_nothing_is_erased_unasked(qf: Qf, stack: Stack) -> None:
    nir = new_nir()
    await publish(stack, nir, FIRST_CENTS, is_closed=True)
    told = await qf.run("person", "erase", *AT_CAISSE, "--reference", REFERENCE, stdin=nir)
    assert told.status == 2
    assert "--yes" in told.stderr
    assert len((await qf.json("person", "show", *AT_CAISSE, stdin=nir))["dossiers"]) == 1


@pytest.mark.parametrize("command", ["statement", "show"])
async def test_another_caisse_than_there_is_is_refused_or_has_nothing(qf: Qf, command: str) -> None:
    told = await qf.run("person", command, "--caisse", "2", stdin=new_nir())
    assert told.status in {1, 2}
    assert "caisse" in told.stderr


# N5


async def drive(qf: Qf, stack: Stack, nir: str, partner_id: str) -> list[str]:
    """Uses every command well and badly; what was said of failures."""
    await publish(stack, nir, FIRST_CENTS, is_closed=True)
    await consult(stack, nir, partner_id)
    with file_of(nir) as person:
        by_file = (*AT_CAISSE, "--nir-file", person)
        for arguments in (
            ("person", "statement", *by_file, "--json"),
            ("person", "show", *by_file),
            ("person", "erase", *by_file, "--reference", REFERENCE, "--yes"),
        ):
            assert (await qf.run(*arguments)).status == 0
    wrong_key = f"{nir[:13]}{int(nir[13:]) % 97 + 1:02}"
    failures = [
        await qf.run("person", "show", *AT_CAISSE, stdin=wrong_key),
        await qf.run("person", "show", "--caisse", "X", stdin=nir),
        await qf.run("person", "erase", *AT_CAISSE, "--reference", f"{NAME}\n", "--yes", stdin=nir),
        await qf.run("person", "statement", *AT_CAISSE, "--pdf", "/nowhere/statement.pdf", stdin=nir),
    ]
    assert all(told.status for told in failures)
    return [told.stdout + told.stderr for told in failures]


async def spans(stack: Stack) -> str:
    """Every trace that the desk shows, as JSON."""
    async with httpx.AsyncClient(base_url=stack.demo["traces_url"]) as desk:
        traces = (await desk.get("/api/traces", params={"limit": 1000})).json()["traces"]
        return "\n".join([(await desk.get(f"/api/traces/{trace['trace_id']}")).text for trace in traces])


def logs(stack: Stack) -> Iterator[bytes]:
    yield from (path.read_bytes() for path in stack.layout.logs.rglob("*") if path.is_file())


async def test_no_log_line_no_span_and_no_error_tells_of_the_person(
    qf: Qf, stack: Stack, partner: Registered
) -> None:
    nir = new_nir()
    failures = await drive(qf, stack, nir, partner.partner_id)
    await asyncio.sleep(FLUSH_SECONDS)
    traced, logged = await spans(stack), b"\n".join(logs(stack)).decode(errors="replace")
    assert "GetPersonRecord" in traced
    assert "ErasePerson" in traced
    assert '"event": "person_erased"' in logged
    sentinels = (nir[:13], NAME, "chemin des Orties", REFERENCE)
    amount = re.compile(r"(?<![0-9A-Za-z])(3133713|31337[.,]13)(?![0-9A-Za-z])")
    for told in (traced, logged, *failures):
        assert [sentinel for sentinel in sentinels if sentinel in told] == []
        assert not amount.search(told)


async def test_the_nir_is_in_no_argument_and_no_output_of_the_process(qf: Qf, tmp_path: Path) -> None:
    nir = new_nir()
    letter = str(tmp_path / "statement.pdf")
    process: Any = await qf.start("person", "statement", *AT_CAISSE, "--pdf", letter)
    shown = await shown_by_the_system(process)
    stdout, stderr = await process.communicate(nir.encode())
    assert process.returncode == 0, stderr
    assert b"statement" in shown
    assert not any(nir.encode() in told for told in (shown, stdout, stderr))
