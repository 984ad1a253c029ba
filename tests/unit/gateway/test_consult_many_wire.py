"""Many consultations as they travel: rows, headers ahead of them, errors in their place, and callers who go away."""

import asyncio
from typing import Any

import grpc
import pytest

from gateway.domain import Disclosure, HabilitationNotValid, Outcome
from gateway.metadata import SESSION_REMAINING
from msa.gateway.v1 import quotient_service_pb2 as pb
from msa.identity.v1 import session_service_pb2 as identity_pb
from services.kit.errors import DependencyUnavailable, Reason
from services.kit.status import reason_of
from tests.unit.gateway.calls import METADATA, NIR
from tests.unit.gateway.conftest import Gateway

FOREVER = 500


def consult_many(gateway: Gateway, count: int = 3, **nirs: str) -> Any:
    """A call for so many people; `row_1=` is the NIR of the second."""
    queries = [
        pb.QuotientQuery(nir=nirs.get(f"row_{position}", NIR), purpose=pb.PURPOSE_PRICING)
        for position in range(count)
    ]
    return gateway.quotients.ConsultQuotients(
        pb.ConsultQuotientsRequest(queries=queries), metadata=METADATA, timeout=10
    )


async def test_rows_stand_in_the_order_of_the_queries_and_say_their_place(gateway: Gateway) -> None:
    rows = [row async for row in consult_many(gateway)]
    assert [row.position for row in rows] == [0, 1, 2]
    assert [row.consultation.outcome for row in rows] == [pb.OUTCOME_AVAILABLE] * 3
    assert [row.consultation.consultation_id for row in rows] == ["line-1", "line-2", "line-3"]


async def test_headers_of_session_and_limits_come_ahead_of_the_rows_art_7_1(gateway: Gateway) -> None:
    gateway.identity.limit(remaining=597)
    call = consult_many(gateway)
    assert (await call.read()).position == 0
    headers = dict(await call.initial_metadata())
    assert headers[SESSION_REMAINING] == "893"
    assert headers["ratelimit-remaining"] == "597"
    call.cancel()


async def test_an_error_in_a_row_says_what_to_do_in_french_and_not_the_value(gateway: Gateway) -> None:
    rows = [row async for row in consult_many(gateway, row_1="284052123100107")]
    assert [row.WhichOneof("result") for row in rows] == ["consultation", "error", "consultation"]
    error = rows[1].error
    assert (error.reason, error.detail != "") == ("INVALID_FIELD", True)
    [violation] = error.violations
    assert (violation.field, violation.rule) == ("nir", "NIR_KEY_MISMATCH")
    assert "clé" in violation.detail
    assert "28405" not in str(error)


async def test_an_error_of_all_rows_that_follow_has_its_reason_in_each(gateway: Gateway) -> None:
    gateway.files.failure_after = DependencyUnavailable()
    first, *rest = [row async for row in consult_many(gateway)]
    assert first.HasField("consultation")
    assert [row.error.reason for row in rest] == ["DEPENDENCY_UNAVAILABLE"] * 2
    assert "momentanément" in rest[-1].error.detail
    assert [row.error.retry_delay.ToSeconds() for row in rest] == [1, 1]


async def test_where_waiting_does_not_help_no_row_says_how_long(gateway: Gateway) -> None:
    gateway.files.failure_after = HabilitationNotValid()
    _, wrong, stopped = [row async for row in consult_many(gateway, row_1="284052123100107")]
    assert [row.error.reason for row in (wrong, stopped)] == ["INVALID_FIELD", "HABILITATION_NOT_VALID"]
    assert not wrong.error.HasField("retry_delay")
    assert not stopped.error.HasField("retry_delay")


async def test_closing_time_in_a_row_says_how_long_until_it_opens_n4(gateway: Gateway) -> None:
    rows = aiter(consult_many(gateway, FOREVER))
    await anext(rows)
    gateway.close()
    *_, last = [row async for row in rows]
    assert last.error.reason == "SERVICE_CLOSED"
    # Midnight in Paris.
    assert last.error.retry_delay.ToSeconds() == 5 * 3600


async def test_before_the_first_row_an_error_is_the_calls_with_its_headers(gateway: Gateway) -> None:
    gateway.files.failure = HabilitationNotValid()
    call = consult_many(gateway)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call.read()
    assert reason_of(refused.value) is Reason.HABILITATION_NOT_VALID
    assert dict(await call.initial_metadata())[SESSION_REMAINING] == "893"


async def test_no_query_at_all_is_the_calls_error(gateway: Gateway) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await consult_many(gateway, 0).read()
    assert reason_of(refused.value) is Reason.INVALID_FIELD
    assert gateway.identity.requests == []


async def test_identity_counts_the_call_once_and_hears_of_every_row(gateway: Gateway) -> None:
    _ = [row async for row in consult_many(gateway)]
    items = [item for request in gateway.identity.requests for item in request.items]
    assert [(item.consultation_count, item.counted_before) for item in items] == [
        (3, False),
        *[(1, True)] * 3,
    ]


async def test_who_cancels_leaves_no_more_than_the_row_that_was_under_way_n2(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    call = consult_many(gateway, FOREVER)
    received = [await call.read() for _ in range(3)]
    call.cancel()
    at_cancel = gateway.files.disclosed
    await asyncio.sleep(0.3)
    assert len(received) <= at_cancel
    assert gateway.files.disclosed <= at_cancel + 2
    # Nothing is left over that nobody awaits.
    assert caplog.records == []


async def test_the_calls_of_those_who_went_away_take_no_place(gateway: Gateway) -> None:
    """The server takes a bounded number of calls: they would fill it."""
    for _ in range(gateway.maximum_calls + 5):
        call = consult_many(gateway, FOREVER)
        await call.read()
        call.cancel()
    await asyncio.sleep(0.2)
    rows = [row async for row in consult_many(gateway)]
    assert len(rows) == 3


async def test_a_row_shows_nothing_of_one_who_objected_n1(gateway: Gateway) -> None:
    gateway.files.disclosure = Disclosure(Outcome.OPPOSED, "line-1")
    [row] = [row async for row in consult_many(gateway, 1)]
    assert row.consultation.outcome == pb.OUTCOME_OPPOSED
    assert not row.consultation.HasField("dossier")
    assert not row.consultation.periods


async def test_use_and_certificate_refusals_are_the_calls_art_7_2(gateway: Gateway) -> None:
    gateway.identity.verdict.decision = identity_pb.AUTHENTICATION_DECISION_USE_SUSPENDED
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await consult_many(gateway).read()
    assert reason_of(refused.value) is Reason.USE_SUSPENDED
