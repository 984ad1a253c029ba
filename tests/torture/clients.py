"""Those who torture: they record, withdraw and consult, and note what they were told and when."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from itertools import count
from random import Random
from time import monotonic
from typing import TypeVar

import grpc

from msa.gateway.v1 import quotient_service_pb2 as public_pb
from msa.quotient.v1 import opposition_service_pb2 as opposition_pb
from services.kit.errors import Reason
from services.kit.status import reason_of
from tests.caisse import BOURGOGNE
from tests.portal import grpc_bearer
from tests.torture.history import Answer, Kind, Operation, Shown
from tests.torture.journal import case_reference, line_is_there
from tests.torture.world import World

CALL_SECONDS = 4.0
KINDS = {Kind.CONSULT: 56, Kind.RECORD: 22, Kind.WITHDRAW: 22}
WHOLE_CAISSE_SHARE = 0.4
# Most withdrawals are of what stands, as far as anybody knows.
KNOWN_SHARE = 0.8
# Who has just been told that an opposition stands, or does no more, often sees at once whether it is so.
FOLLOWED_SHARE = 0.6
LOOKED_UP_SHARE = 0.15
# Many calls at a time are on the same few people, who change every so many calls.
HOT_SHARE, HOT_PEOPLE, HOT_CALLS = 0.4, 6, 400
# Pauses of a client whose calls are cut one after the other, doubling.
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.05, 0.4

_AWAY = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNKNOWN,
    }
)
T = TypeVar("T")


@dataclass
class Notes:
    """What all clients did so far."""

    operations: list[Operation] = field(default_factory=list)
    answered: int = 0
    numbers: "count[int]" = field(default_factory=count)
    # By person, the scopes of what stands, as the last answer told.
    standing: dict[int, set[int | None]] = field(default_factory=lambda: defaultdict(set))

    def add(self, operation: Operation) -> None:
        """One more."""
        self.operations.append(operation)
        self.answered += operation.answer is not Answer.CUT
        if operation.kind is Kind.RECORD:
            self.standing[operation.person].add(operation.partner)
        elif operation.kind is Kind.WITHDRAW:
            self.standing[operation.person].discard(operation.partner)


class Client:
    """One of them, who does one thing after the other."""

    def __init__(self, number: int, world: World, notes: Notes, draw: Random) -> None:
        self._number = number
        self._world = world
        self._notes = notes
        self._draw = draw

    async def act_until(self, is_over: Callable[[], bool]) -> None:
        """Acts, and pauses while nobody answers."""
        pause = FIRST_PAUSE_SECONDS
        while not is_over():
            if await self._act():
                pause = FIRST_PAUSE_SECONDS
            else:
                await asyncio.sleep(pause * self._draw.uniform(0.5, 1))
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    async def _act(self) -> bool:
        """Does something; returns whether it was answered."""
        (kind,) = self._draw.choices(list(KINDS), list(KINDS.values()))
        person = self._somebody()
        if kind is Kind.CONSULT:
            return await self._consult(person, self._partner())
        to = self._scope_of(kind, person)
        answer = await (self._record if kind is Kind.RECORD else self._withdraw)(person, to)
        if answer is Answer.OK and self._draw.random() < FOLLOWED_SHARE:
            return await self._consult(self._relative(person), self._partner() if to is None else to)
        return answer is not Answer.CUT

    def _scope_of(self, kind: Kind, person: int) -> int | None:
        known = self._notes.standing[person]
        if kind is Kind.WITHDRAW and known and self._draw.random() < KNOWN_SHARE:
            return self._draw.choice(sorted(known, key=str))
        return None if self._draw.random() < WHOLE_CAISSE_SHARE else self._partner()

    def _somebody(self) -> int:
        people = len(self._world.people)
        if self._draw.random() < HOT_SHARE:
            first = self._notes.answered // HOT_CALLS * HOT_PEOPLE
            return (first + self._draw.randrange(HOT_PEOPLE)) % people
        return self._draw.randrange(people)

    def _relative(self, person: int) -> int:
        return self._draw.choice(next(family for family in self._world.families if person in family))

    def _partner(self) -> int:
        return self._draw.randrange(len(self._world.partners))

    async def _record(self, person: int, to: int | None) -> Answer:
        request = opposition_pb.RecordOppositionRequest(
            nir=self._world.people[person].nir,
            scope=self._scope(to),
            channel=opposition_pb.OPPOSITION_CHANNEL_LETTER,
        )
        call = self._world.oppositions.RecordOpposition
        return await self._note(Kind.RECORD, person, to, lambda: call(request, timeout=CALL_SECONDS))

    async def _withdraw(self, person: int, to: int | None) -> Answer:
        request = opposition_pb.WithdrawOppositionRequest(
            nir=self._world.people[person].nir, scope=self._scope(to)
        )
        call = self._world.oppositions.WithdrawOpposition
        return await self._note(Kind.WITHDRAW, person, to, lambda: call(request, timeout=CALL_SECONDS))

    def _scope(self, to: int | None) -> opposition_pb.OppositionScope:
        partner_id = "" if to is None else self._world.partners[to].partner_id
        return opposition_pb.OppositionScope(caisse_code=BOURGOGNE, partner_id=partner_id)

    async def _note(
        self, kind: Kind, person: int, to: int | None, call: Callable[[], Awaitable[object]]
    ) -> Answer:
        number, start = next(self._notes.numbers), monotonic()
        answer, reason, _ = await _answer(call)
        if kind is Kind.WITHDRAW and answer is Answer.REFUSED and reason != Reason.RECORD_NOT_FOUND:
            # Whether any stood it does not tell.
            answer = Answer.CUT
        self._notes.add(Operation(number, self._number, kind, person, to, start, monotonic(), answer, reason))
        return answer

    async def _consult(self, person: int, partner: int) -> bool:
        number, start = next(self._notes.numbers), monotonic()
        request = public_pb.ConsultQuotientRequest(
            nir=self._world.people[person].nir,
            purpose=public_pb.PURPOSE_PRICING,
            case_reference=case_reference(number),
        )
        metadata = grpc_bearer(self._world.partners[partner].token)
        answer, reason, reply = await _answer(
            lambda: self._world.quotients.ConsultQuotient(request, metadata=metadata, timeout=CALL_SECONDS)
        )
        operation = Operation(
            number, self._number, Kind.CONSULT, person, partner, start, monotonic(), answer, reason
        )
        if reply:
            operation = replace(
                operation,
                outcome=public_pb.Outcome.Name(reply.outcome).removeprefix("OUTCOME_"),
                shown=self._shown(person, reply),
                consultation_id=reply.consultation_id,
            )
            if self._draw.random() < LOOKED_UP_SHARE:
                operation = replace(operation, line_seen=await line_is_there(self._world, operation))
        self._notes.add(operation)
        return answer is not Answer.CUT

    def _shown(self, person: int, reply: public_pb.ConsultQuotientResponse) -> Shown:
        if not (reply.periods or reply.HasField("dossier")):
            return Shown.NOTHING
        own = self._world.people[person]
        amounts = {period.amount_cents for period in reply.periods}
        is_own = amounts <= {own.amount_cents} and reply.dossier.numero == own.numero_dossier
        return Shown.OWN if is_own else Shown.FOREIGN


async def _answer(call: Callable[[], Awaitable[T]]) -> tuple[Answer, str, T | None]:
    try:
        return Answer.OK, "", await call()
    except grpc.aio.AioRpcError as error:
        reason = reason_of(error)
        if reason is Reason.DEPENDENCY_UNAVAILABLE or error.code() in _AWAY:
            return Answer.CUT, str(reason or error.code().name), None
        return Answer.REFUSED, str(reason or error.code().name), None
