"""An import that is cut, again and again and anywhere, ends as one that never was: nothing lost, nothing doubled."""

import asyncio
import json
import random
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.integration.cli.process import Qf
from tests.integration.quotient.database import connected_as_owner
from tests.people import new_nir
from tests.stack import Stack
from tests.unit.cli.lines import line

DOSSIERS = 8_000
CUT_SECONDS = 30.0
_WENT_THROUGH = {0, 3}
# A whole number of lines may go in together; what corrects stands further behind what it corrects.
EVERY = 10
SLOW = """
CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN PERFORM pg_sleep(0.3); RETURN NULL; END $$;
CREATE TRIGGER dawdle BEFORE INSERT ON quotient_periods EXECUTE FUNCTION dawdle();
"""
DOSSIER_ROWS = """
SELECT numero_dossier, closed_from, octet_length(coordonnees)
FROM dossiers WHERE caisse_code = %s ORDER BY numero_dossier
"""
HOLDER_ROWS = """
SELECT numero_dossier, person_id, known_to IS NULL
FROM dossier_holders JOIN dossiers USING (dossier_id)
WHERE dossiers.caisse_code = %s ORDER BY numero_dossier, person_id, known_from
"""
PERIOD_ROWS = """
SELECT numero_dossier, valid_from, valid_to, amount_cents, known_to IS NULL, publication_id IS NULL
FROM quotient_periods JOIN dossiers USING (dossier_id)
WHERE caisse_code = %s ORDER BY numero_dossier, valid_from, quotient_periods.known_from
"""
LAST_LINE = "SELECT coalesce(max(last_line), 0) FROM publications WHERE end_time IS NULL AND kind = 'REGULAR'"


def file_lines(nirs: list[str]) -> Iterator[dict[str, Any]]:
    """Each dossier twice: every tenth is corrected, every other tenth moves to a new dossier, some lines are bad."""
    for again in (False, True):
        for number, nir in enumerate(nirs):
            corrected = again and number % EVERY == 0
            yield {
                "numero_dossier": f"M{number}" if again and number % EVERY == 5 else f"D{number}",
                "nir": nir if number % 97 else f"{nir[:-2]}00",
                "quotient_familial": {
                    "valeur": number + (1000 if corrected else 0),
                    "annee": 2026,
                    # The service refuses what the file's reader takes.
                    "mois": 1,
                },
                "radie_le": "1850-01-01" if number % 89 == 7 else None,
            }


def write_file(folder: Path, caisse_code: str, nirs: list[str]) -> Path:
    path = folder / f"{caisse_code}.ndjson"
    path.write_bytes(b"".join(line(caisse=caisse_code, **each) for each in file_lines(nirs)))
    return path


async def content(stack: Stack, caisse_code: str) -> list[list[tuple[Any, ...]]]:
    async with connected_as_owner(stack) as connection:
        return [
            await (await connection.execute(statement, (caisse_code,))).fetchall()
            for statement in (DOSSIER_ROWS, HOLDER_ROWS, PERIOD_ROWS)
        ]


@asynccontextmanager
async def slow_periods(stack: Stack) -> AsyncIterator[None]:
    async with connected_as_owner(stack) as connection:
        await connection.execute(SLOW)
    try:
        yield
    finally:
        await ready(stack)
        async with connected_as_owner(stack) as connection:
            await connection.execute("DROP FUNCTION dawdle CASCADE")


async def ready(stack: Stack) -> None:
    for name in ("postgres", "quotient"):
        await stack.wait_until_ready(name)


async def last_line(stack: Stack) -> int:
    async with connected_as_owner(stack) as connection:
        row = await (await connection.execute(LAST_LINE)).fetchone()
    assert row is not None
    return int(row[0])


async def cut_in_the_middle(
    stack: Stack, process: asyncio.subprocess.Process, cut: Callable[[asyncio.subprocess.Process], None]
) -> bool:
    """Cuts a run a moment after it came further than those before; whether it was still at it."""
    before = await last_line(stack)
    ended = asyncio.create_task(process.communicate())
    async with asyncio.timeout(CUT_SECONDS):
        while not ended.done() and await last_line(stack) == before:  # noqa: ASYNC110  # nothing tells of a commit
            await asyncio.sleep(0.02)
        await asyncio.sleep(random.uniform(0, 0.2))  # noqa: S311  # anywhere will do
        with suppress(ProcessLookupError):
            cut(process)
        await ended
    return process.returncode not in _WENT_THROUGH


@pytest.mark.timeout(300)
async def test_an_import_that_is_cut_anywhere_ends_as_one_that_never_was(
    stack: Stack, tmp_path: Path
) -> None:
    nirs = [new_nir() for _ in range(DOSSIERS)]
    qf = Qf(stack.layout.qf_config_file)
    whole, cut = (write_file(tmp_path, caisse_code, nirs) for caisse_code in ("61", "62"))
    reports = {path: path.with_suffix(".refused") for path in (whole, cut)}
    expected = await qf.run("dossiers", "import", str(whole), "--refused", str(reports[whole]), "--json")
    kills: list[Callable[[asyncio.subprocess.Process], None]] = [
        lambda process: process.kill(),
        lambda _: stack.kill("quotient"),
        lambda _: stack.kill("postgres"),
        lambda process: process.send_signal(signal.SIGINT),
        lambda _: stack.kill("postgres"),
        lambda process: process.kill(),
    ]
    async with slow_periods(stack):
        for kill in kills:
            process = await qf.start("dossiers", "import", str(cut), "--refused", str(reports[cut]))
            assert await cut_in_the_middle(stack, process, kill)
            await ready(stack)
    told = await qf.run("dossiers", "import", str(cut), "--refused", str(reports[cut]), "--json")
    assert (told.status, expected.status) == (3, 3)
    assert await content(stack, "62") == await content(stack, "61")
    assert reports[cut].read_text() == reports[whole].read_text()
    counts = ("created", "updated", "unchanged", "refused")
    assert [json.loads(told.stdout)[name] for name in counts] == [
        json.loads(expected.stdout)[name] for name in counts
    ]
