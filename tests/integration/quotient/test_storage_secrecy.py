"""The NIR is stored nowhere, the coordonnées only enciphered (N5)."""

from datetime import date
from pathlib import Path

from tests.integration.quotient.caller import Caller, item, period, record
from tests.integration.quotient.database import connected_as_owner
from tests.people import new_nir
from tests.stack import Stack

NAME = "Zyxaline-Quetsche"


async def family_with_a_history(caller: Caller) -> str:
    nir = new_nir()
    await caller.publish(
        record(nir, numero="D0099", nom=NAME, qf=period(date(2026, 1, 1), amount_cents=61234))
    )
    await caller.consult(item(nir))
    await caller.record_opposition(nir)
    await caller.consult(item(nir))
    return nir


async def test_no_table_holds_a_nir_or_a_name(caller: Caller, stack: Stack) -> None:
    nir = await family_with_a_history(caller)
    content = await _content_of_tables(stack)
    assert "D0099" in content
    for secret in (nir[:13], NAME, "Capucine", "chemin des Orties"):
        assert secret not in content
        assert secret.encode().hex() not in content


async def test_no_file_of_the_database_not_even_the_wal_holds_a_nir_or_a_name(
    caller: Caller, stack: Stack
) -> None:
    nir = await family_with_a_history(caller)
    found = {secret: _files_with(stack.layout.data / "postgres", secret) for secret in (nir[:13], NAME)}
    assert found == {nir[:13]: [], NAME: []}
    assert _files_with(stack.layout.data / "postgres", "D0099")


async def _content_of_tables(stack: Stack) -> str:
    async with connected_as_owner(stack) as connection:
        tables = await connection.execute(
            "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'"
        )
        rows = []
        for (table,) in await tables.fetchall():
            query = f"SELECT t::text FROM {table} AS t"  # noqa: S608 - a name from the catalogue
            rows += await (await connection.execute(query.encode())).fetchall()
    return "\n".join(text for (text,) in rows)


def _files_with(folder: Path, text: str) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file() and text.encode() in file.read_bytes()]
