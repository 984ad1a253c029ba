"""Keys are checked at the start, taken into use while the service runs, and none goes on without them (N5, N8)."""

import asyncio
import json
import secrets
import shutil
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import grpc
import pytest
from psycopg import AsyncConnection

from msa.quotient.v1 import disclosure_service_pb2 as disclosure_pb
from msa.quotient.v1 import dossier_service_pb2 as dossier_pb
from msa.quotient.v1 import key_service_pb2 as pb
from msa.quotient.v1.key_service_pb2_grpc import KeyServiceStub
from services.kit.errors import Reason
from services.kit.status import reason_of
from services.quotient.secrecy import BEFORE_DATA_KEYS, Vault
from tests.integration.cli.process import Qf
from tests.integration.quotient.caller import Caller, item, period, record
from tests.integration.quotient.database import connected_as_owner
from tests.integration.quotient.replica import FOLDERS, Replica, new_key, replica
from tests.people import new_nir
from tests.stack import Stack

if TYPE_CHECKING:  # in the stubs only
    from msa.quotient.v1.key_service_pb2_grpc import KeyServiceAsyncStub

QF = period(date(2026, 1, 1), amount_cents=61234)
AVAILABLE = disclosure_pb.DISCLOSURE_OUTCOME_AVAILABLE
UNUSABLE_CONFIGURATION, INTERRUPTED = 2, 130
WAIT_SECONDS = 30


@pytest.fixture
async def keys(stack: Stack) -> AsyncIterator["KeyServiceAsyncStub"]:
    async with stack.channel("quotient", "qf") as channel:
        yield KeyServiceStub(channel)


@pytest.fixture
async def other(stack: Stack, tmp_path: Path) -> AsyncIterator[Replica]:
    async with replica(stack, tmp_path) as one:
        yield one


def put_new_key(stack: Stack, kind: str) -> Path:
    return new_key(stack.layout.secret(kind), secrets.token_bytes(32))


async def shown(keys: "KeyServiceAsyncStub") -> pb.GetKeysResponse:
    return await keys.GetKeys(pb.GetKeysRequest(), timeout=10)


async def rotate(keys: "KeyServiceAsyncStub") -> Sequence[pb.RotateKeysResponse]:
    return [answer async for answer in keys.RotateKeys(pb.RotateKeysRequest(), timeout=60)]


async def refusal(call: Awaitable[object]) -> Reason | None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call
    return reason_of(refused.value)


async def family(caller: Caller) -> str:
    nir = new_nir()
    await caller.publish(record(nir, qf=QF))
    return nir


async def test_a_newer_key_of_the_person_index_is_taken_into_use_and_everybody_is_found(
    stack: Stack, caller: Caller, keys: "KeyServiceAsyncStub"
) -> None:
    nir = await family(caller)
    await caller.record_opposition(new_nir())
    path = put_new_key(stack, "person_index")
    before = await shown(keys)
    steps = {answer.step for answer in await rotate(keys)}
    after = await shown(keys)
    waiting, in_use = before.person_index_keys[-1], after.person_index_keys[-1]
    assert path.name == f"{waiting.generation}.key"
    assert not waiting.HasField("begin_time")
    assert (in_use.generation, in_use.fingerprint) == (waiting.generation, waiting.fingerprint)
    assert in_use.HasField("begin_time")
    assert in_use.HasField("complete_time")
    assert steps == {pb.ROTATION_STEP_PERSON_INDEX, pb.ROTATION_STEP_DONE}
    assert after.data_keys == before.data_keys
    assert (await caller.consult(item(nir))).outcome == AVAILABLE


async def test_a_newer_wrapping_key_wraps_every_data_key_anew_and_brings_a_new_one(
    stack: Stack, caller: Caller, keys: "KeyServiceAsyncStub"
) -> None:
    nir = await family(caller)
    before = await shown(keys)
    put_new_key(stack, "wrapping")
    steps = {answer.step for answer in await rotate(keys)}
    after = await shown(keys)
    newest = len(before.wrapping_keys) + 1
    assert len(after.data_keys) == len(before.data_keys) + 1
    assert {key.wrapping_generation for key in after.data_keys} == {newest}
    assert after.data_keys[-1].HasField("complete_time")
    assert [key.generation for key in after.wrapping_keys if key.HasField("begin_time")] == [newest]
    assert steps == {pb.ROTATION_STEP_DATA_KEYS, pb.ROTATION_STEP_COORDONNEES, pb.ROTATION_STEP_DONE}
    assert (await caller.consult(item(nir))).coordonnees == record(nir).coordonnees
    (again,) = await caller.publish(record(nir, qf=QF))
    assert again.outcome == dossier_pb.PUBLICATION_OUTCOME_UNCHANGED


async def test_two_newer_files_are_taken_one_after_the_other(
    stack: Stack, caller: Caller, keys: "KeyServiceAsyncStub"
) -> None:
    nir = await family(caller)
    before = await shown(keys)
    put_new_key(stack, "person_index")
    put_new_key(stack, "person_index")
    await rotate(keys)
    after = await shown(keys)
    new = after.person_index_keys[len(before.person_index_keys) :]
    assert len(new) == 2
    first, second = new
    assert first.complete_time.ToDatetime() <= second.begin_time.ToDatetime()
    assert (await caller.consult(item(nir))).outcome == AVAILABLE


async def test_where_no_file_is_newer_nothing_is_rotated_and_that_is_said(
    keys: "KeyServiceAsyncStub",
) -> None:
    before = await shown(keys)
    assert await refusal(rotate(keys)) is Reason.RECORD_STATE
    assert await shown(keys) == before


async def test_one_rotation_at_a_time(stack: Stack, keys: "KeyServiceAsyncStub") -> None:
    async with connected_as_owner(stack) as another:
        await another.execute("SELECT pg_advisory_lock(hashtextextended('key_rotation', 0))")
        put_new_key(stack, "wrapping")
        assert await refusal(rotate(keys)) is Reason.RECORD_STATE
    assert (await rotate(keys))[-1].step == pb.ROTATION_STEP_DONE


async def test_a_persons_journal_is_whole_across_two_rotations(
    stack: Stack, caller: Caller, keys: "KeyServiceAsyncStub"
) -> None:
    """RGPD art. 15: lines keep the index of their day, and the person is found under each of hers."""
    nir = await family(caller)
    lines = [(await caller.consult(item(nir))).consultation_id]
    for _ in range(2):
        put_new_key(stack, "person_index")
        await rotate(keys)
        lines.append((await caller.consult(item(nir))).consultation_id)
    journal = await caller.journal(nir)
    assert [line.consultation_id for line in journal] == lines[::-1]
    assert [list(line.shown_periods) for line in journal] == [[QF]] * 3
    assert await _generations(stack, lines) == 3


async def _generations(stack: Stack, consultation_ids: Sequence[str]) -> int:
    async with connected_as_owner(stack) as connection:
        found = await connection.execute(
            "SELECT DISTINCT index_generation FROM disclosures WHERE consultation_id = ANY (%s::uuid[])",
            (list(consultation_ids),),
        )
        return len(await found.fetchall())


async def test_oppositions_withdrawals_and_their_history_hold_across_a_rotation(
    stack: Stack, caller: Caller, keys: "KeyServiceAsyncStub"
) -> None:
    """N1, art. 6-3, also of who has no dossier yet: the opposition waits for her all the same."""
    nir = new_nir()
    await caller.record_opposition(nir)
    await caller.withdraw_opposition(nir)
    await caller.record_opposition(nir)
    put_new_key(stack, "person_index")
    await rotate(keys)
    await caller.publish(record(nir, qf=QF))
    assert await caller.check(nir) == [[("21", "")]]
    assert (await caller.consult(item(nir))).outcome == disclosure_pb.DISCLOSURE_OUTCOME_OPPOSED
    assert len(await caller.list_oppositions(nir)) == 2
    await caller.withdraw_opposition(nir)
    assert (await caller.consult(item(nir))).outcome == AVAILABLE


async def test_what_was_enciphered_before_there_were_data_keys_is_brought_under_one(
    stack: Stack, caller: Caller, keys: "KeyServiceAsyncStub"
) -> None:
    nir = await family(caller)
    first = (stack.layout.secret("wrapping") / "1.key").read_bytes()
    await _encipher_as_once(stack, nir, Vault({}, first))
    assert (await caller.consult(item(nir))).coordonnees == record(nir).coordonnees
    put_new_key(stack, "wrapping")
    await rotate(keys)
    assert await _data_key_of(stack, nir) == (await shown(keys)).data_keys[-1].data_key_id
    assert (await caller.consult(item(nir))).coordonnees == record(nir).coordonnees


async def _encipher_as_once(stack: Stack, nir: str, former: Vault) -> None:
    """Enciphers a family's coordonnées as the first release did."""
    content = {
        "allocataires": [{"nom_naissance": "Mirabelle", "nom_usage": "", "prenoms": "Capucine"}],
        "destinataire": "Madame Capucine Mirabelle",
        "complement_information": "",
        "complement_information_geographique": "",
        "numero_libelle_voie": "3 chemin des Orties",
        "lieu_dit": "",
        "code_postal_ville": "21999 VALLOMBREUSE",
        "pays": "",
    }
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    async with connected_as_owner(stack) as connection:
        dossier_id = await _dossier_id(stack, nir)
        await connection.execute(
            "UPDATE dossiers SET data_key_id = %s, coordonnees = %s, coordonnees_digest = %s WHERE dossier_id = %s",
            (
                BEFORE_DATA_KEYS,
                former.seal(dossier_id, text),
                former.digest(BEFORE_DATA_KEYS, dossier_id, text),
                dossier_id,
            ),
        )


async def _dossier_id(stack: Stack, nir: str) -> UUID:
    async with connected_as_owner(stack) as connection:
        found = await connection.execute(
            "SELECT dossier_id FROM dossiers WHERE numero_dossier = %s", (f"Q{nir[:13]}",)
        )
        (row,) = await found.fetchall()
    dossier_id: UUID = row[0]
    return dossier_id


async def _data_key_of(stack: Stack, nir: str) -> int:
    async with connected_as_owner(stack) as connection:
        found = await connection.execute(
            "SELECT data_key_id FROM dossiers WHERE dossier_id = %s", (await _dossier_id(stack, nir),)
        )
        (row,) = await found.fetchall()
    data_key_id: int = row[0]
    return data_key_id


@asynccontextmanager
async def altered(stack: Stack, nir: str) -> AsyncIterator[UUID]:
    """The last byte of a family's ciphertext is another one meanwhile."""
    dossier_id = await _dossier_id(stack, nir)
    flip = """
        UPDATE dossiers
        SET coordonnees = set_byte(
            coordonnees, length(coordonnees) - 1, 255 - get_byte(coordonnees, length(coordonnees) - 1)
        )
        WHERE dossier_id = %s
    """
    async with connected_as_owner(stack) as connection:
        await connection.execute(flip, (dossier_id,))
        try:
            yield dossier_id
        finally:
            await connection.execute(flip, (dossier_id,))


async def test_coordonnees_that_were_altered_stop_a_rotation_and_are_named(
    stack: Stack, caller: Caller, keys: "KeyServiceAsyncStub"
) -> None:
    nir = await family(caller)
    put_new_key(stack, "wrapping")
    async with altered(stack, nir) as dossier_id:
        assert await refusal(rotate(keys)) is Reason.RECORD_STATE
        assert f'"dossier_id": "{dossier_id}"' in stack.layout.log("quotient").read_text()
    assert (await rotate(keys))[-1].step == pb.ROTATION_STEP_DONE
    assert (await caller.consult(item(nir))).outcome == AVAILABLE


@pytest.mark.parametrize("kind", FOLDERS)
async def test_a_wrong_key_file_stops_the_start_with_the_remedy(other: Replica, kind: str) -> None:
    newest = max(other.keys(kind).iterdir(), key=lambda path: int(path.stem))
    newest.write_bytes(secrets.token_bytes(32))
    await other.start()
    assert await other.status() == UNUSABLE_CONFIGURATION
    assert f"{newest.name} is not the one that the database was written with; restore that one" in other.log


@pytest.mark.parametrize("kind", FOLDERS)
async def test_a_missing_key_file_stops_the_start_with_the_remedy(
    stack: Stack, other: Replica, keys: "KeyServiceAsyncStub", kind: str
) -> None:
    put_new_key(stack, kind)
    await rotate(keys)
    await other.start()
    assert await other.status() == UNUSABLE_CONFIGURATION
    assert ".key is in use and missing here; put it into its folder" in other.log


Call = Callable[[Caller, str], Awaitable[object]]
LOOK_UPS: dict[str, Call] = {
    "consult": lambda caller, nir: caller.consult(item(nir)),
    "check": lambda caller, nir: caller.check(nir),
    "object": lambda caller, nir: caller.record_opposition(nir),
    "withdraw": lambda caller, nir: caller.withdraw_opposition(nir),
    "list oppositions": lambda caller, nir: caller.list_oppositions(nir),
    "publish": lambda caller, nir: caller.publish(record(nir, qf=QF)),
    "read the journal": lambda caller, nir: caller.journal(nir),
}


async def test_a_replica_that_lacks_a_new_key_answers_nothing_until_it_has_it(
    stack: Stack, caller: Caller, other: Replica, keys: "KeyServiceAsyncStub"
) -> None:
    """N8: it would miss whoever is indexed anew, and so her opposition."""
    nir = await family(caller)
    await other.serve()
    replica_caller = other.caller
    path = put_new_key(stack, "person_index")
    await rotate(keys)
    refusals = {name: await refusal(call(replica_caller, nir)) for name, call in LOOK_UPS.items()}
    assert refusals == dict.fromkeys(LOOK_UPS, Reason.DEPENDENCY_UNAVAILABLE)
    assert await refusal(shown(other.key_service)) is Reason.RECORD_STATE
    assert await refusal(rotate(other.key_service)) is Reason.RECORD_STATE
    assert '"event": "key_files_unusable"' in other.log
    shutil.copy(path, other.keys("person_index"))
    assert (await replica_caller.consult(item(nir))).outcome == AVAILABLE


async def test_a_replica_that_lacks_a_wrapping_key_shows_and_writes_no_coordonnees_until_it_has_it(
    stack: Stack, caller: Caller, other: Replica, keys: "KeyServiceAsyncStub"
) -> None:
    nir = await family(caller)
    await other.serve()
    replica_caller = other.caller
    path = put_new_key(stack, "wrapping")
    await rotate(keys)
    for call in (replica_caller.consult(item(nir)), replica_caller.publish(record(new_nir(), qf=QF))):
        assert await refusal(call) is Reason.DEPENDENCY_UNAVAILABLE
    shutil.copy(path, other.keys("wrapping"))
    assert (await replica_caller.consult(item(nir))).coordonnees == record(nir).coordonnees


async def test_a_consultation_that_meets_a_newer_data_key_is_in_the_journal_once(
    stack: Stack, caller: Caller, other: Replica, keys: "KeyServiceAsyncStub"
) -> None:
    """N2: whoever catches up with the keys does not write the line again."""
    nir = await family(caller)
    await other.serve()
    shutil.copy(put_new_key(stack, "wrapping"), other.keys("wrapping"))
    await rotate(keys)
    result = await other.caller.consult(item(nir))
    assert result.outcome == AVAILABLE
    assert [line.consultation_id for line in await caller.journal(nir)] == [result.consultation_id]


@pytest.mark.parametrize("kind", FOLDERS)
async def test_a_replica_that_is_behind_writes_under_the_newest_keys(
    stack: Stack, caller: Caller, other: Replica, keys: "KeyServiceAsyncStub", kind: str
) -> None:
    await other.serve()
    shutil.copy(put_new_key(stack, kind), other.keys(kind))
    await rotate(keys)
    nir = new_nir()
    await other.caller.publish(record(nir, qf=QF))
    assert await _data_key_of(stack, nir) == (await shown(keys)).data_keys[-1].data_key_id
    assert (await caller.consult(item(nir))).outcome == AVAILABLE


@pytest.fixture
def qf(stack: Stack) -> Qf:
    return Qf(stack.layout.qf_config_file)


def mode_and_size(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_mode & 0o777, status.st_size


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def test_an_operator_makes_a_key_shows_it_and_rotates_with_qf(
    stack: Stack, caller: Caller, qf: Qf
) -> None:
    nir = await family(caller)
    folder = stack.layout.secret("person_index")
    made = await qf.json("keys", "new", str(folder))
    path = Path(made["file"])
    assert (path.parent, *mode_and_size(path)) == (folder, 0o600, 32)
    waiting = (await qf.json("keys", "show"))["person_index_keys"][-1]
    assert (waiting["file"], waiting["fingerprint"]) == (path.name, made["fingerprint"])
    assert waiting["state"] == "waiting"
    unasked = await qf.run("keys", "rotate")
    assert (unasked.status, "--yes" in unasked.stderr) == (2, True)
    counts = await qf.json("keys", "rotate", "--yes")
    assert counts["persons"] > 0
    in_use = (await qf.json("keys", "show"))["person_index_keys"][-1]
    assert in_use["state"] == "in use"
    assert in_use["complete_since"]
    again = await qf.run("keys", "rotate")
    assert again.status == 1
    assert "qf keys new FOLDER" in again.stderr
    assert (await caller.consult(item(nir))).outcome == AVAILABLE


async def test_qf_tells_keys_by_their_state_in_words(
    stack: Stack, qf: Qf, keys: "KeyServiceAsyncStub"
) -> None:
    put_new_key(stack, "wrapping")
    told = await qf.run("keys", "show")
    assert told.status == 0
    for title in ("Person index keys", "Wrapping keys", "Data keys"):
        assert title in told.stdout
    assert "waiting" in told.stdout
    assert "Not in use yet: wrapping" in told.stderr
    await rotate(keys)
    assert "former" in (await qf.run("keys", "show")).stdout


async def test_a_new_key_takes_no_other_s_place_and_waits_for_no_service(tmp_path: Path) -> None:
    qf = Qf(tmp_path / "no configuration.toml")
    assert (await qf.run("keys", "new", str(tmp_path / "nowhere"))).status == UNUSABLE_CONFIGURATION
    made = [await qf.json("keys", "new", str(tmp_path)) for _ in range(2)]
    assert [Path(each["file"]).name for each in made] == ["1.key", "2.key"]
    assert made[0]["fingerprint"] != made[1]["fingerprint"]
    (tmp_path / "1.key").unlink()
    told = await qf.run("keys", "new", str(tmp_path))
    assert told.status == UNUSABLE_CONFIGURATION
    assert "without a gap" in told.stderr
    assert names_in(tmp_path) == ["2.key"]


async def test_whoever_interrupts_a_rotation_is_told_how_to_go_on(
    stack: Stack, qf: Qf, keys: "KeyServiceAsyncStub"
) -> None:
    put_new_key(stack, "person_index")
    async with connected_as_owner(stack) as holding:
        # It cannot take the key into use while somebody writes people.
        await holding.execute("SELECT pg_advisory_lock_shared(hashtextextended('person_index', 0))")
        process = await qf.start("keys", "rotate", "--yes")
        await until(lambda: _is_somebody_waiting(holding))
        process.send_signal(signal.SIGINT)
        _, complaint = await process.communicate()
    assert process.returncode == INTERRUPTED
    assert b"Nothing is half done: `qf keys rotate` goes on where it was." in complaint
    # The server notices that nobody watches any more.
    await until(lambda: _is_no_rotation_running(stack))
    assert (await rotate(keys))[-1].step == pb.ROTATION_STEP_DONE


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            if await holds():
                return
            await asyncio.sleep(0.05)


async def _is_somebody_waiting(connection: AsyncConnection) -> bool:
    # Of this database: the others of the server have locks of their own.
    found = await connection.execute(
        """
        SELECT FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
        WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()
        """
    )
    return bool(await found.fetchall())


async def _is_no_rotation_running(stack: Stack) -> bool:
    async with connected_as_owner(stack) as connection:
        found = await connection.execute("SELECT pg_try_advisory_lock(hashtextextended('key_rotation', 0))")
        return await found.fetchall() == [(True,)]
