"""N7: the journal cannot be altered or cut unnoticed.

Neither the service's role nor the owner of the schema changes a line; who gets around both is found out by whoever
kept a checkpoint, with an export, on a machine that reaches no service.
"""

import asyncio
import json
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.type.date_pb2 import Date

from deploy.local.postgres import connect
from msa.quotient.v1 import disclosure_service_pb2 as disclosure_pb
from msa.quotient.v1.disclosure_service_pb2_grpc import DisclosureServiceStub
from services.kit.clock import SystemClock, paris_date
from tests.auditor import Auditor
from tests.caisse import BOURGOGNE, Caisse
from tests.e2e.conftest import Agent, Channels
from tests.e2e.qf import QF, qf
from tests.people import new_nir
from tests.portal import Portal, answered
from tests.stack import Stack
from tests.tampering import altered_line, inserted_line

KILLS = 3
LINES_IN_A_BATCH = 5


@pytest.mark.parametrize("role", ["quotient_service", "quotient_owner"])
@pytest.mark.parametrize(
    "statement",
    ["UPDATE disclosures SET case_reference = ''", "DELETE FROM disclosures", "TRUNCATE disclosures"],
)
async def test_the_journal_is_only_ever_added_to(
    stack: Stack, caisse: Caisse, portal: Portal, agent: Agent, role: str, statement: str
) -> None:
    nir = await caisse.publish()
    answered(await portal.consult(agent.token, nir))
    before = await caisse.journal(nir)
    async with await connect(stack.layout, stack.ports.postgres_port, "quotient") as database:
        await database.execute(f"SET ROLE {role}".encode())
        with pytest.raises(Exception, match=r"denied|append") as refused:
            await database.execute(statement.encode())
    assert refused.type.__module__.startswith("psycopg")
    assert await caisse.journal(nir) == before


@dataclass(frozen=True)
class Outsider:
    """Somebody outside the caisse: he has the key, a checkpoint from before, and `qf` without a configuration."""

    stack: Stack
    folder: Path

    async def keep_checkpoint(self) -> None:
        """Is handed the key and the newest checkpoint."""
        kept = ("--out", str(self.folder / "kept.checkpoint"), "--key-out", str(self.folder / "journal.key"))
        await qf(self.stack, "journal", "checkpoint", *kept, "--yes")

    async def verify(self) -> tuple[int, Any]:
        """Is handed an export of today; the exit status and what `qf journal verify` says, in a bare environment."""
        export = str(self.folder / "journal.txt")
        await qf(self.stack, "journal", "export", export, "--caisse", BOURGOGNE, "--yes")
        process = await asyncio.create_subprocess_exec(
            *(
                QF,
                "journal",
                "verify",
                "journal.txt",
                "--key",
                "journal.key",
                "--checkpoint",
                "kept.checkpoint",
                "--json",
            ),
            cwd=self.folder,
            env={},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        printed, complaint = await process.communicate()
        assert printed, complaint.decode()
        return await process.wait(), json.loads(printed)


@pytest.fixture
async def auditor(channels: Channels) -> Auditor:
    return Auditor(channels("quotient", "qf"))


@pytest.fixture
async def outsider(stack: Stack, tmp_path: Path) -> Outsider:
    return Outsider(stack, tmp_path)


@pytest.fixture
async def consultation_id(caisse: Caisse, portal: Portal, agent: Agent, auditor: Auditor) -> str:
    """A consultation whose line is sealed."""
    answer = answered(await portal.consult(agent.token, await caisse.publish()))
    await auditor.wait_until_sealed(answer["consultation_id"])
    return str(answer["consultation_id"])


def edited(stack: Stack, consultation_id: str) -> AbstractAsyncContextManager[None]:
    return altered_line(
        stack, consultation_id, "UPDATE disclosures SET outcome = 'OPPOSED', period_starts = '{}'"
    )


def deleted(stack: Stack, consultation_id: str) -> AbstractAsyncContextManager[None]:
    return altered_line(stack, consultation_id, "DELETE FROM disclosures")


@pytest.mark.parametrize("tamper", [edited, deleted, inserted_line])
async def test_whoever_holds_the_database_is_found_out_offline(
    stack: Stack, outsider: Outsider, consultation_id: str, tamper: Any
) -> None:
    await outsider.keep_checkpoint()
    status, before = await outsider.verify()
    assert (status, before["intact"]) == (0, True)
    async with tamper(stack, consultation_id):
        status, found = await outsider.verify()
    assert (status, found["intact"]) == (1, False)
    status, after = await outsider.verify()
    assert (status, after["intact"]) == (0, True)


async def test_a_consultation_is_proved_at_the_desk(stack: Stack, consultation_id: str) -> None:
    proof = json.loads(await qf(stack, "journal", "prove", consultation_id, "--json"))
    assert json.loads(proof["leaf"])["consultation_id"] == consultation_id


async def test_a_kill_in_the_middle_of_sealing_loses_and_doubles_nothing(
    stack: Stack, channels: Channels, auditor: Auditor, outsider: Outsider, consultation_id: str
) -> None:
    await outsider.keep_checkpoint()
    acknowledged: list[str] = []
    writing = asyncio.create_task(_write_for_ever(channels("quotient", "gateway"), acknowledged))
    for _ in range(KILLS):
        await asyncio.sleep(0.7)
        stack.kill("quotient")
        await stack.wait_until_ready("quotient")
    writing.cancel()
    await asyncio.wait([writing])
    assert len(acknowledged) > KILLS
    # The oldest are sealed first.
    await auditor.wait_until_sealed(acknowledged[-1])
    leaves = await auditor.leaves()
    lines = [json.loads(leaf.line)["consultation_id"] for leaf in leaves if leaf.line]
    assert len(set(lines)) == len(lines)
    assert {*acknowledged, consultation_id} <= set(lines)
    status, found = await outsider.verify()
    assert (status, found["findings"]) == (0, [])


async def _write_for_ever(gateway: grpc.aio.Channel, acknowledged: list[str]) -> None:
    stub = DisclosureServiceStub(gateway)
    while True:
        try:
            request = disclosure_pb.DiscloseRequest(items=[_item() for _ in range(LINES_IN_A_BATCH)])
            results = (await stub.Disclose(request, timeout=2)).results
        except grpc.aio.AioRpcError:
            await asyncio.sleep(0.05)
        else:
            acknowledged += [result.consultation_id for result in results]
            # Enough that each kill meets some of them unsealed.
            await asyncio.sleep(0.02)


def _item() -> disclosure_pb.DiscloseItem:
    today = paris_date(SystemClock().now())
    nobody = "00000000-0000-4000-8000-000000000000"
    return disclosure_pb.DiscloseItem(
        nir=new_nir(),
        caisse_code=BOURGOGNE,
        month=Date(year=today.year, month=today.month, day=1),
        purpose=disclosure_pb.PURPOSE_PRICING,
        account_id=nobody,
        habilitation_id=nobody,
        partner_id=nobody,
        convention_id=nobody,
    )
