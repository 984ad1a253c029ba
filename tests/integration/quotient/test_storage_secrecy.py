"""The NIR is stored nowhere, in no form but a keyed one; the coordonnées only enciphered (N5)."""

from datetime import date

from tests.at_rest import Searcher, forms_of_nir, forms_of_text
from tests.integration.quotient.caller import Caller, item, period, record
from tests.integration.quotient.database import connected_as_owner
from tests.people import new_nir
from tests.stack import Stack

NAME, NUMERO = "Zyxaline-Quetsche", "D0099"


async def family_with_a_history(caller: Caller) -> str:
    nir = new_nir()
    await caller.publish(
        record(nir, numero=NUMERO, nom=NAME, qf=period(date(2026, 1, 1), amount_cents=61234))
    )
    await caller.consult(item(nir))
    await caller.record_opposition(nir)
    await caller.consult(item(nir))
    return nir


def searcher(nir: str) -> Searcher:
    texts = {"name": NAME, "prénom": "Capucine", "street": "chemin des Orties"}
    return Searcher(
        {**forms_of_nir(nir)}
        | {
            f"{what}, {name}": form
            for what, text in texts.items()
            for name, form in forms_of_text(text).items()
        }
    )


async def test_no_table_holds_a_nir_or_a_name(caller: Caller, stack: Stack) -> None:
    nir = await family_with_a_history(caller)
    content = (await _content_of_tables(stack)).encode()
    assert NUMERO.encode() in content
    assert searcher(nir).found(content) == set()


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
