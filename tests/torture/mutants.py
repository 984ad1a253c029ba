"""The suite, broken on purpose: each mutant breaks one thing in the process that runs the part, never in its code.

Both locks hold alone (ADR 3), so a mutant that shows what it should not must get around both.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from importlib import import_module
from time import monotonic
from typing import Any

from services.kit.errors import DependencyUnavailable
from tests.torture.parts import KILLED
from tests.torture.verdict import Fault

MUTANT_FILE = "mutant"
GATEWAY, QUOTIENT = "gateway", "services.quotient"
# Longer than a call takes on a machine that has much else to do.
STALE_SECONDS = 1.0
LATE_SECONDS = 0.3
COMMIT_SECONDS = 0.03


@dataclass(frozen=True)
class Mutant:
    """What is broken, in the process of which module.

    Args:
        says: what is wrong with it.
        faults: a run finds these, and maybe more; a control has none, and a run must find nothing.
    """

    says: str
    breaks: Mapping[str, Sequence[Callable[[], None]]]
    faults: frozenset[Fault] = field(default=frozenset())
    kills: int = 3
    killed: Sequence[str] = KILLED

    def break_part(self, module: str) -> None:
        """Breaks what there is to break in this process, which will run `module`."""
        for change in self.breaks.get(module, ()):
            change()


def _part(name: str) -> Any:
    # Of the process that is to be broken only: the others need not have it.
    return import_module(name)


@dataclass(frozen=True)
class Rewritten:
    """A statement with `new` in the place of `old`."""

    module: str
    name: str
    old: str
    new: str

    def fits(self) -> bool:
        """Whether the statement still reads as it did."""
        return str(getattr(_part(self.module), self.name)).count(self.old) == 1

    def __call__(self) -> None:
        """Changes it. Raises ValueError where it does not fit."""
        if not self.fits():
            raise ValueError(f"{self.module}.{self.name} no longer holds once: {self.old}")
        text = getattr(_part(self.module), self.name)
        setattr(_part(self.module), self.name, text.replace(self.old, self.new))


@dataclass(frozen=True)
class Replaced:
    """Another function in the place of one that `module` uses."""

    module: str
    name: str
    by: Callable[..., Any]

    def fits(self) -> bool:
        """Whether there is still one of that name."""
        return hasattr(_part(self.module), self.name)

    def __call__(self) -> None:
        """Replaces it. Raises ValueError where it does not fit."""
        if not self.fits():
            raise ValueError(f"{self.module} no longer has {self.name}")
        setattr(_part(self.module), self.name, self.by)


_background: set[asyncio.Task[Any]] = set()


def _later(work: Coroutine[Any, Any, Any]) -> None:
    async def do() -> None:
        await asyncio.sleep(LATE_SECONDS)
        with suppress(DependencyUnavailable):
            await work

    task = asyncio.create_task(do())
    _background.add(task)
    task.add_done_callback(_background.discard)


# --- the locks


_GATEWAYS_LOCK_OPEN = Replaced("gateway.service", "is_opposed", lambda _scopes, _right: False)
_STATEMENTS_LOCK_OPEN = Rewritten(
    "services.quotient.disclosures.store",
    "_DISCLOSE",
    "asked.opposed OR EXISTS (",
    "asked.opposed OR false AND EXISTS (",
)
_GATEWAY_FORGETS_PARTNERS = Replaced(
    "gateway.service",
    "is_opposed",
    lambda scopes, right: any(
        scope.caisse_code == right.caisse_code and not scope.partner_id for scope in scopes
    ),
)
_STATEMENT_FORGETS_PARTNERS = Rewritten(
    "services.quotient.disclosures.store",
    "_DISCLOSE",
    "standing.partner_id IS NULL OR standing.partner_id = asked.partner_id",
    "standing.partner_id IS NULL",
)


# --- what the oppositions are read from

Standing = Callable[..., Coroutine[Any, Any, Sequence[Sequence[Any]]]]


def _check_both_by(standing: Callable[[Standing], Standing]) -> None:
    """Lets `CheckOppositions`, and the check in `Disclose`, see what `standing` makes of the true look-up."""
    _STATEMENTS_LOCK_OPEN()
    oppositions = _part("services.quotient.oppositions.store").OppositionStore
    disclosures = _part("services.quotient.disclosures.store").DisclosureStore
    disclose = disclosures.disclose
    oppositions.standing = standing(oppositions.standing)

    async def checked(self: Any, indexer: Any, consultations: Sequence[Any], *rest: Any) -> Any:
        scopes = await oppositions(self._database).standing(indexer, [each.nir for each in consultations])
        judged = [
            replace(each, opposed=each.opposed or _reaches(found, each))
            for each, found in zip(consultations, scopes, strict=True)
        ]
        return await disclose(self, indexer, judged, *rest)

    disclosures.disclose = checked


def _reaches(scopes: Sequence[Any], consultation: Any) -> bool:
    return any(
        scope.caisse_code == consultation.caisse_code and scope.partner_id in (None, consultation.partner_id)
        for scope in scopes
    )


def _cache_oppositions() -> None:
    def cached(true: Standing) -> Standing:
        known: dict[Any, tuple[float, Sequence[Any]]] = {}

        async def standing(self: Any, indexer: Any, nirs: Sequence[Any]) -> Sequence[Sequence[Any]]:
            old = monotonic() - STALE_SECONDS
            missing = [nir for nir in nirs if nir not in known or known[nir][0] < old]
            found = await true(self, indexer, missing) if missing else []
            known.update({nir: (monotonic(), scopes) for nir, scopes in zip(missing, found, strict=True)})
            return [known[nir][1] for nir in nirs]

        return standing

    _check_both_by(cached)


def _keep_a_snapshot() -> None:
    def from_snapshot(true: Standing) -> Standing:
        snapshot = _Snapshot()

        async def standing(self: Any, indexer: Any, nirs: Sequence[Any]) -> Sequence[Sequence[Any]]:
            async with snapshot.lock:
                await snapshot.renew(self._database)
                return await true(type(self)(snapshot), indexer, nirs)

        return standing

    _check_both_by(from_snapshot)


class _Snapshot:
    """A transaction that goes on seeing the database as it was; stands in for the database in a store."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self._connection: Any = None
        self._made = 0.0

    async def renew(self, database: Any) -> None:
        """Takes a new one where this one is old, or gone."""
        if self._connection and monotonic() < self._made + STALE_SECONDS and not self._connection.broken:
            return
        if self._connection:
            with suppress(_part("psycopg").Error):
                await self._connection.rollback()
            await database._pool.putconn(self._connection)
        self._connection = None
        connection = await database._living_connection()
        await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        self._connection, self._made = connection, monotonic()

    async def fetch_all(self, _operation: str, *rest: Any) -> Any:
        """As `Database.fetch_all`."""
        try:
            return await _part("services.kit.database").fetch_all(self._connection, *rest)
        except _part("psycopg").Error:
            self._made = 0.0
            raise DependencyUnavailable from None


# --- how oppositions are written


def _acknowledge_before_the_commit() -> None:
    store = _part("services.quotient.oppositions.store").OppositionStore
    add = store.add

    async def acknowledge(self: Any, *arguments: Any) -> Any:
        _later(add(self, *arguments))
        return arguments[-1]

    store.add = acknowledge


def _withdraw_the_wider_scope_too() -> None:
    store = _part("services.quotient.oppositions.store").OppositionStore
    withdraw = store.withdraw

    async def both(self: Any, indexer: Any, nir: Any, scope: Any, *rest: Any) -> Any:
        if scope.partner_id:
            await withdraw(self, indexer, nir, scope._replace(partner_id=None), *rest)
        return await withdraw(self, indexer, nir, scope, *rest)

    store.withdraw = both


# --- how the journal is written


def _disclose_by(way: Callable[..., Coroutine[Any, Any, Any]]) -> None:
    """Lets the statement that discloses run as `way` does it."""
    database = _part("services.kit.database").Database
    fetch_all = database.fetch_all

    async def fetch(self: Any, operation: str, *rest: Any) -> Any:
        if operation != "disclose":
            return await fetch_all(self, operation, *rest)
        return await way(self, operation, *rest)

    database.fetch_all = fetch


def _journal_after_the_answer() -> None:
    fetch_all = _part("services.kit.database").Database.fetch_all

    async def way(self: Any, operation: str, *rest: Any) -> Any:
        async with self._connection(operation) as connection, connection.transaction(force_rollback=True):
            rows = await _part("services.kit.database").fetch_all(connection, *rest)
        _later(fetch_all(self, operation, *rest))
        return rows

    _disclose_by(way)


def _answer_though_the_commit_failed() -> None:
    async def way(self: Any, operation: str, *rest: Any) -> Any:
        rows = None
        try:
            async with self._connection(operation) as connection, connection.transaction():
                rows = await _part("services.kit.database").fetch_all(connection, *rest)
                # As long as a disk may take.
                await asyncio.sleep(COMMIT_SECONDS)
        except DependencyUnavailable:
            if rows is None:
                raise
        return rows

    _disclose_by(way)


def _commit_asynchronously() -> None:
    _part("services.kit.database")._SESSION_OPTIONS += " -c synchronous_commit=off"


# --- how answers find their callers


def _swap_answers() -> None:
    client = _part("gateway.clients").QuotientClient
    send = client._send_disclose

    async def swapped(self: Any, items: Sequence[Any]) -> Any:
        results = await send(self, items)
        return [*results[1:], *results[:1]]

    client._send_disclose = swapped


def _remember_answers() -> None:
    consultations = _part("gateway.service").Consultations
    disclose = consultations._disclose
    known: dict[Any, tuple[float, Any]] = {}

    async def remembered(self: Any, caller: Any, consultation: Any) -> Any:
        asked = (caller.habilitation_id, consultation.nir)
        if asked not in known or known[asked][0] < monotonic() - STALE_SECONDS:
            known[asked] = (monotonic(), await disclose(self, caller, consultation))
        return known[asked][1]

    consultations._disclose = remembered


_N1 = frozenset({Fault.SHOWN})
_N2 = frozenset({Fault.NO_LINE})

MUTANTS = {
    "gateway-lock-open": Mutant(
        "control: the gateway never finds an opposition; the statement still does",
        {GATEWAY: [_GATEWAYS_LOCK_OPEN]},
    ),
    "statement-lock-open": Mutant(
        "control: the statement never finds an opposition; the gateway still does",
        {QUOTIENT: [_STATEMENTS_LOCK_OPEN]},
    ),
    "both-locks-open": Mutant(
        "nobody looks for oppositions",
        {GATEWAY: [_GATEWAYS_LOCK_OPEN], QUOTIENT: [_STATEMENTS_LOCK_OPEN]},
        _N1,
    ),
    "old-snapshot": Mutant(
        f"both locks read the oppositions in a snapshot up to {STALE_SECONDS:g} s older than the QF",
        {QUOTIENT: [_keep_a_snapshot]},
        _N1,
    ),
    "cached-oppositions": Mutant(
        f"both locks read the oppositions from a cache of {STALE_SECONDS:g} s",
        {QUOTIENT: [_cache_oppositions]},
        _N1,
    ),
    "remembered-answers": Mutant(
        f"the gateway gives the same caller the same answer for {STALE_SECONDS:g} s",
        {GATEWAY: [_remember_answers]},
        _N1 | {Fault.OTHER_LINE},
    ),
    "early-acknowledgement": Mutant(
        "an opposition is acknowledged, then committed",
        {QUOTIENT: [_acknowledge_before_the_commit]},
        _N1,
    ),
    "partners-forgotten": Mutant(
        "both locks overlook oppositions to one partner",
        {GATEWAY: [_GATEWAY_FORGETS_PARTNERS], QUOTIENT: [_STATEMENT_FORGETS_PARTNERS]},
        _N1,
    ),
    "withdrawn-too-much": Mutant(
        "withdrawing an opposition to one partner ends that to the whole caisse too",
        {QUOTIENT: [_withdraw_the_wider_scope_too]},
        _N1,
    ),
    "late-line": Mutant(
        f"the line of the journal is written {LATE_SECONDS:g} s after the answer",
        {QUOTIENT: [_journal_after_the_answer]},
        _N2,
    ),
    "commit-failure-ignored": Mutant(
        "the answer leaves though the commit of its line failed",
        {QUOTIENT: [_answer_though_the_commit_failed]},
        _N2,
        kills=4,
        killed=("postgres",),
    ),
    "asynchronous-commit": Mutant(
        "commits are acknowledged before they are on disk",
        {QUOTIENT: [_commit_asynchronously]},
        _N2,
        kills=4,
        killed=("postgres",),
    ),
    "swapped-answers": Mutant(
        "the answers of a batch go to one another's callers",
        {GATEWAY: [_swap_answers]},
        frozenset({Fault.FOREIGN, Fault.OTHER_LINE}),
    ),
}
