"""What is proved of the journal holds, and nothing is proved that is not so (N7)."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta

import grpc
import pytest

from msa.quotient.v1 import journal_service_pb2 as pb
from services.kit.clock import SystemClock
from services.kit.config import read_key
from services.kit.errors import DependencyUnavailable, Reason
from services.kit.status import reason_of
from services.kit.transparency.leaf import CANONICAL_LEAF
from services.kit.transparency.merkle import ProofRefused
from services.kit.transparency.signed_note import Signer
from services.kit.transparency.timestamp import to_response, verify_timestamp
from services.quotient.config import QuotientSettings
from tests.auditor import Auditor
from tests.integration.quotient.caller import Caller, item
from tests.integration.quotient.database import connected_as_owner
from tests.integration.quotient.tree import own_service
from tests.people import new_nir
from tests.stack import Stack
from tests.tampering import altered_line
from tests.timestamp_authority import TimestampAuthority


@pytest.fixture
async def auditor(stack: Stack) -> AsyncIterator[Auditor]:
    async with stack.channel("quotient", "qf") as channel:
        yield Auditor(channel)


async def sealed(caller: Caller, auditor: Auditor) -> str:
    """A new line of the journal that is sealed, by its consultation."""
    consultation_id = (await caller.consult(item(new_nir()))).consultation_id
    await auditor.wait_until_sealed(consultation_id)
    return consultation_id


async def test_a_line_is_proved_with_the_leaf_that_tells_of_it(caller: Caller, auditor: Auditor) -> None:
    nir = new_nir()
    [result] = await caller.disclose(item(nir, case_reference="CLSH/118"))
    await auditor.wait_until_sealed(result.consultation_id)
    [line] = await caller.journal(nir)
    proof = await auditor.prove(result.consultation_id)
    told = json.loads(proof.leaf)
    assert CANONICAL_LEAF.fullmatch(proof.leaf)
    assert (told["consultation_id"], told["partner_id"]) == (line.consultation_id, line.partner_id)
    assert (told["account_id"], told["habilitation_id"]) == (line.account_id, line.habilitation_id)
    assert (told["purpose"], told["outcome"], told["caisse_code"]) == ("PRICING", "NOT_FOUND", "21")
    assert told["disclose_time"] == f"{line.disclose_time.ToDatetime():%Y-%m-%dT%H:%M:%S.%fZ}"


async def test_a_leaf_tells_nobody_s_nir_and_repeats_none_of_the_partner_s_words(
    caller: Caller, auditor: Auditor
) -> None:
    nir = new_nir()
    [result] = await caller.disclose(item(nir, case_reference="Dossier Mirabelle"))
    await auditor.wait_until_sealed(result.consultation_id)
    leaf = (await auditor.prove(result.consultation_id)).leaf
    assert nir[:13].encode() not in leaf
    assert b"Mirabelle" not in leaf


async def test_the_key_is_that_of_the_file(auditor: Auditor, caller: Caller, stack: Stack) -> None:
    await sealed(caller, auditor)
    settings = stack.settings("quotient", QuotientSettings).journal
    assert await auditor.key() == Signer(settings.origin, read_key(settings.signing_key_file)).verifier_key


async def test_every_line_is_proved_in_a_later_tree_too(caller: Caller, auditor: Auditor) -> None:
    results = await caller.disclose(*(item(new_nir()) for _ in range(200)))
    ids = [result.consultation_id for result in results]
    await sealed(caller, auditor)
    places = [(await auditor.prove(consultation_id)).leaf_index for consultation_id in ids]
    assert len(set(places)) == 200


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE disclosures SET outcome = 'OPPOSED'",
        "UPDATE disclosures SET case_reference = 'another'",
        "UPDATE disclosures SET person_index = sha256('')",
        "UPDATE disclosures SET disclose_time = disclose_time - interval '1 microsecond'",
    ],
)
async def test_a_line_that_was_edited_behind_the_triggers_is_proved_no_more(
    caller: Caller, auditor: Auditor, stack: Stack, statement: str
) -> None:
    consultation_id = await sealed(caller, auditor)
    async with altered_line(stack, consultation_id, statement):
        with pytest.raises(ProofRefused):
            await auditor.prove(consultation_id)
    assert (await auditor.prove(consultation_id)).leaf


@pytest.mark.parametrize(
    ("consultation_id", "code"),
    [
        ("0199c0de-0000-7000-8000-000000000001", grpc.StatusCode.NOT_FOUND),
        ("", grpc.StatusCode.INVALID_ARGUMENT),
        ("x", grpc.StatusCode.INVALID_ARGUMENT),
    ],
)
async def test_what_is_not_in_the_tree_is_not_proved(
    auditor: Auditor, consultation_id: str, code: grpc.StatusCode
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await auditor.prove(consultation_id)
    assert refused.value.code() is code


async def test_the_newest_size_is_meant_where_none_is_given(caller: Caller, auditor: Auditor) -> None:
    await sealed(caller, auditor)
    proof = await auditor.journal.GetConsistencyProof(pb.GetConsistencyProofRequest(first_tree_size=1))
    assert proof.second_tree_size == proof.checkpoint.tree_size


@pytest.mark.parametrize(("first", "beyond"), [(0, 0), (-1, 0), (1, 1), (2, -1)])
async def test_sizes_that_the_tree_does_not_have_are_refused(
    caller: Caller, auditor: Auditor, first: int, beyond: int
) -> None:
    await sealed(caller, auditor)
    newest = (await auditor.checkpoint()).tree_size
    second = newest + beyond if beyond >= 0 else 1
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await auditor.journal.GetConsistencyProof(
            pb.GetConsistencyProofRequest(first_tree_size=first, second_tree_size=second)
        )
    assert reason_of(refused.value) is Reason.INVALID_FIELD


async def test_without_an_authority_nothing_is_time_stamped(caller: Caller, auditor: Auditor) -> None:
    await sealed(caller, auditor)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await auditor.journal.TimestampCheckpoint(pb.TimestampCheckpointRequest())
    assert refused.value.code() is grpc.StatusCode.FAILED_PRECONDITION


async def test_a_checkpoint_is_time_stamped_once_and_stays(
    caller: Caller, auditor: Auditor, stack: Stack, tmp_path_factory: pytest.TempPathFactory
) -> None:
    await sealed(caller, auditor)
    authority = TimestampAuthority(tmp_path_factory.mktemp("authority"))
    with authority.serving() as url:
        async with own_service(stack, url) as service:
            stamped = await service.timestamp()
            # It is superseded, and not thinned out.
            await sealed(caller, auditor)
            await sealed(caller, auditor)
    assert stamped.timestamp_token is not None
    told = verify_timestamp(
        to_response(stamped.timestamp_token), stamped.note, authority.ca_file.read_bytes()
    )
    assert abs(SystemClock().now() - told) < timedelta(minutes=1)
    async with connected_as_owner(stack) as connection:
        found = await connection.execute(
            "SELECT timestamp_token FROM journal_checkpoints WHERE tree_size = %s", (stamped.tree_size,)
        )
        assert await found.fetchone() == (stamped.timestamp_token,)


async def test_an_authority_that_is_away_is_unavailable(
    caller: Caller, auditor: Auditor, stack: Stack
) -> None:
    await sealed(caller, auditor)
    async with own_service(stack, "http://127.0.0.1:1/tsa") as service:
        with pytest.raises(DependencyUnavailable):
            await service.timestamp()
