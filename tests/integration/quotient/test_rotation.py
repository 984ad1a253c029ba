"""Keys are rotated while everybody works on, one replica dies in the middle, and not one look-up is missed (N1, N5)."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, LiteralString
from uuid import UUID, uuid4

import grpc
import pytest
from psycopg import AsyncConnection

from msa.quotient.v1 import key_service_pb2 as pb
from msa.quotient.v1.key_service_pb2_grpc import KeyServiceStub
from services.kit.database import fetch_all
from services.quotient.persons import share_generation
from tests.integration.quotient.caller import Caller, calling, item
from tests.integration.quotient.database import connected_as_owner, connected_as_service
from tests.integration.quotient.replica import FOLDERS, Replica, new_key, replica
from tests.integration.quotient.rotating import AVAILABLE, CHUNK, OPPOSED, Town, family, publish_many
from tests.people import new_nir
from tests.stack import Stack, empty_stack

if TYPE_CHECKING:  # in the stubs only
    from msa.quotient.v1.key_service_pb2_grpc import KeyServiceAsyncStub

FAMILIES = 2400
OBJECTING = 40
WAVERING = 3
REPUBLISHED = 30
GOING_ON_SECONDS, WAIT_SECONDS = 0.3, 30


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Of its own: a rotation goes through everybody whom other tests wrote too."""
    # Nobody is there to take its spans.
    with empty_stack(["quotient"], ["quotient.telemetry.sample_ratio=0"]) as running:
        yield running


@pytest.fixture(scope="module")
async def caller(stack: Stack) -> AsyncIterator[Caller]:
    async with calling(stack) as opened:
        yield opened


@pytest.fixture
async def other(stack: Stack, tmp_path: Path) -> AsyncIterator[Replica]:
    async with replica(stack, tmp_path) as one:
        await one.serve()
        yield one


@pytest.fixture(scope="module")
async def nirs(caller: Caller) -> list[str]:
    families = [new_nir() for _ in range(FAMILIES)]
    await publish_many(caller, families)
    for nir in families[:OBJECTING]:
        await caller.record_opposition(nir)
    return families


@pytest.fixture
async def slow_sweeps(stack: Stack) -> AsyncIterator[None]:
    """Every batch of a rotation takes a tenth of a second more, so that a kill falls between two."""
    async with connected_as_owner(stack) as connection:
        await connection.execute(_SLOW)
        yield
        await connection.execute(b"DROP FUNCTION dawdle CASCADE")


_SLOW = b"""
CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN PERFORM pg_sleep(0.1); RETURN NULL; END $$;
CREATE TRIGGER dawdle BEFORE UPDATE ON key_rotations EXECUTE FUNCTION dawdle();
"""


@dataclass(frozen=True)
class Standing:
    """How many people and dossiers there are, and how many under the newest keys."""

    persons: int
    newest_persons: int
    dossiers: int
    newest_dossiers: int


async def standing(stack: Stack) -> Standing:
    async with connected_as_owner(stack) as connection:
        row = await (await connection.execute(_STANDING)).fetchone()
    assert row is not None
    return Standing(*row)


_STANDING = """
SELECT
    (SELECT count(*) FROM persons),
    (SELECT count(*) FROM persons WHERE index_generation = (SELECT max(generation) FROM person_index_keys)),
    (SELECT count(*) FROM dossiers),
    (SELECT count(*) FROM dossiers WHERE data_key_id = (SELECT max(data_key_id) FROM data_keys))
"""


async def rotate(keys: "KeyServiceAsyncStub") -> list[pb.RotateKeysResponse]:
    return [answer async for answer in keys.RotateKeys(pb.RotateKeysRequest(), timeout=60)]


async def rotate_until(
    keys: "KeyServiceAsyncStub", step: "pb.RotationStep.ValueType", then: Callable[[], Awaitable[None]]
) -> None:
    """Rotates, does `then` in the middle of `step`, and goes on for as long as there are answers."""
    with suppress(grpc.aio.AioRpcError):
        async for answer in keys.RotateKeys(pb.RotateKeysRequest(), timeout=60):
            if answer.step == step and 0 < answer.done_count < answer.total_count / 2:
                await then()


def put_new_keys(stack: Stack, other: Replica) -> None:
    for kind in FOLDERS:
        key = secrets.token_bytes(32)
        new_key(stack.layout.secret(kind), key)
        new_key(other.keys(kind), key)


@pytest.mark.usefixtures("slow_sweeps")
@pytest.mark.parametrize(
    ("killed", "step"),
    [
        ("other", pb.ROTATION_STEP_PERSON_INDEX),
        ("stack's own", pb.ROTATION_STEP_PERSON_INDEX),
        ("other", pb.ROTATION_STEP_COORDONNEES),
    ],
)
async def test_not_one_look_up_is_missed_while_keys_are_rotated_and_the_replica_that_rotates_is_killed(
    stack: Stack,
    caller: Caller,
    other: Replica,
    nirs: list[str],
    killed: str,
    step: "pb.RotationStep.ValueType",
) -> None:
    first_wavering, first_republished = OBJECTING, FAMILIES - REPUBLISHED
    town = Town(
        callers=[caller, other.caller],
        objecting=nirs[:OBJECTING],
        wavering=nirs[first_wavering : first_wavering + WAVERING],
        untouched=nirs[first_wavering + WAVERING : first_republished],
        republished=nirs[first_republished:],
    )
    before = await standing(stack)
    put_new_keys(stack, other)
    clients = [asyncio.create_task(client) for client in town.clients()]
    async with stack.channel("quotient", "qf") as channel:
        own = KeyServiceStub(channel)

        async def kill_own() -> None:
            await asyncio.to_thread(stack.kill, "quotient")

        rotating, going_on, kill = (
            (other.key_service, own, other.kill) if killed == "other" else (own, other.key_service, kill_own)
        )
        await rotate_until(rotating, step, kill)
        cut = await standing(stack)
        await asyncio.sleep(GOING_ON_SECONDS)
        answers = await rotate(going_on)
    if killed == "other":
        await other.serve()
    await stack.wait_until_ready("quotient")
    await asyncio.sleep(GOING_ON_SECONDS)
    town.over.set()
    await asyncio.gather(*clients)
    assert is_in_the_middle(cut, step)
    assert answers[-1].step == pb.ROTATION_STEP_DONE
    assert town.wrong == []
    assert town.answers > 100
    assert town.acknowledged > 20
    # Everybody is there, once, under the newest keys.
    after = await standing(stack)
    assert after.newest_persons == after.persons == before.persons + len(town.newcomers)
    assert after.newest_dossiers == after.dossiers == before.dossiers + len(town.newcomers)
    assert await outcomes(caller, [*nirs[OBJECTING:], *town.newcomers]) == {AVAILABLE}
    assert await outcomes(caller, nirs[:OBJECTING]) == {OPPOSED}


def is_in_the_middle(cut: Standing, step: "pb.RotationStep.ValueType") -> bool:
    if step == pb.ROTATION_STEP_PERSON_INDEX:
        return 0 < cut.newest_persons < cut.persons
    return cut.newest_persons == cut.persons and 0 < cut.newest_dossiers < cut.dossiers


async def outcomes(caller: Caller, nirs: list[str]) -> set[int]:
    return {
        result.outcome
        for start in range(0, len(nirs), CHUNK)
        for result in await caller.disclose(*map(item, nirs[start : start + CHUNK]))
    }


async def test_who_gives_up_watching_stops_the_rotation_and_goes_on_with_another_call(
    stack: Stack, caller: Caller, nirs: list[str]
) -> None:
    for kind in FOLDERS:
        new_key(stack.layout.secret(kind), secrets.token_bytes(32))
    async with stack.channel("quotient", "qf") as channel:
        keys = KeyServiceStub(channel)
        call = keys.RotateKeys(pb.RotateKeysRequest(), timeout=60)
        async for answer in call:
            if answer.step == pb.ROTATION_STEP_PERSON_INDEX and answer.done_count:
                break
        call.cancel()
        await asyncio.sleep(GOING_ON_SECONDS)
        cut = await standing(stack)
        # An operator's own row of `qf keys show` says so.
        shown = await keys.GetKeys(pb.GetKeysRequest(), timeout=10)
        answers = await rotate(keys)
    assert is_in_the_middle(cut, pb.ROTATION_STEP_PERSON_INDEX)
    assert not shown.person_index_keys[-1].HasField("complete_time")
    first = next(answer for answer in answers if answer.step == pb.ROTATION_STEP_PERSON_INDEX)
    assert first.done_count == cut.newest_persons > 0
    assert await outcomes(caller, nirs[OBJECTING:]) == {AVAILABLE}


async def test_whoever_began_to_write_under_the_key_before_is_waited_for_and_found(
    stack: Stack, caller: Caller
) -> None:
    """N1: a person who is written in a transaction that ends after the rotation began is not left behind."""
    nir = new_nir()
    await caller.record_opposition(nir)
    new_key(stack.layout.secret("person_index"), secrets.token_bytes(32))
    async with stack.channel("quotient", "qf") as channel, connected_as_service(stack) as writer:
        async with writer.transaction():
            (before,) = await fetch_all(writer, Generation, NEWEST)
            await share_generation(writer, before.generation)
            rotating = asyncio.create_task(rotate(KeyServiceStub(channel)))
            await asyncio.sleep(GOING_ON_SECONDS)
            (during,) = await fetch_all(writer, Generation, NEWEST)
            late = await _write_under(writer, before.generation)
        answers = await rotating
        (after,) = await fetch_all(writer, Generation, NEWEST)
        (row,) = await fetch_all(writer, Generation, OF_PERSON, (late,))
    assert (during, after) == (before, Generation(before.generation + 1))
    assert row == after
    assert answers[-1].step == pb.ROTATION_STEP_DONE
    assert await caller.check(nir) == [[("21", "")]]


@dataclass(frozen=True)
class Generation:
    generation: int


NEWEST: LiteralString = "SELECT max(generation)::int AS generation FROM person_index_keys"
OF_PERSON: LiteralString = "SELECT index_generation::int AS generation FROM persons WHERE person_id = %s"


async def _write_under(writer: AsyncConnection, generation: int) -> UUID:
    """A person, as a replica writes her that knows this generation."""
    person_id = uuid4()
    await writer.execute(
        "INSERT INTO persons (person_id, person_index, index_generation) VALUES (%s, %s, %s)",
        (person_id, secrets.token_bytes(32), generation),
    )
    return person_id


async def test_a_dossier_that_is_being_written_meanwhile_is_waited_for_at_the_end(
    stack: Stack, caller: Caller
) -> None:
    """A publication that has the row wins; the rotation is not over before it has seen what came of it."""
    nir = new_nir()
    await caller.publish(family(nir))
    new_key(stack.layout.secret("wrapping"), secrets.token_bytes(32))
    async with stack.channel("quotient", "qf") as channel, connected_as_service(stack) as writer:
        async with writer.transaction():
            await writer.execute(
                "SELECT FROM dossiers WHERE numero_dossier = %s FOR NO KEY UPDATE", (f"Q{nir[:13]}",)
            )
            rotating = asyncio.create_task(rotate(KeyServiceStub(channel)))
            await _until_one_dossier_is_left(stack)
            await asyncio.sleep(GOING_ON_SECONDS)
            during, waiting = await standing(stack), not rotating.done()
        answers = await rotating
    after = await standing(stack)
    assert waiting
    assert during.newest_dossiers == during.dossiers - 1
    assert after.newest_dossiers == after.dossiers
    assert answers[-1].step == pb.ROTATION_STEP_DONE
    assert (await caller.consult(item(nir))).coordonnees == family(nir).coordonnees


async def _until_one_dossier_is_left(stack: Stack) -> None:
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            now = await standing(stack)
            if now.newest_dossiers == now.dossiers - 1:
                return
            await asyncio.sleep(0.05)
