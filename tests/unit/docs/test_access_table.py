"""`docs/guides/access.md` tells of every RPC with its roles, and of every certificate."""

from services.identity.access import ACCESS as IDENTITY
from services.partners.access import ACCESS as PARTNERS
from services.quotient.access import ACCESS as QUOTIENT
from tests.unit.docs.access_table import ALLOWED, CERTIFICATE_COLUMNS, NO_TLS, REFUSED, Rpc, rpcs, table

ACCESS = {"identity": IDENTITY, "partners": PARTNERS, "quotient": QUOTIENT}
# Not in the access tables: every server admits to these whoever has a role.
EVERY_ROLE = {"Health.Check", "Health.Watch", "ServerReflection.ServerReflectionInfo"}


def roles(rpc: Rpc) -> str:
    if rpc.row[1] in EVERY_ROLE:
        return "every role"
    return ", ".join(sorted(ACCESS[rpc.server].get(rpc.path, ()))) or "none"


def test_every_rpc_has_its_row_and_every_row_its_rpc() -> None:
    assert set(table()) == {rpc.row for rpc in rpcs()}


def test_every_certificate_has_its_column() -> None:
    for row, cells in table().items():
        assert set(cells) == {"role", *CERTIFICATE_COLUMNS}, row


def test_no_cell_says_anything_else() -> None:
    told = {cells[column] for cells in table().values() for column in CERTIFICATE_COLUMNS}
    assert told == {ALLOWED, REFUSED, NO_TLS}


def test_the_roles_are_those_of_the_access_tables() -> None:
    rows = table()
    assert {rpc.row: rows[rpc.row]["role"] for rpc in rpcs()} == {rpc.row: roles(rpc) for rpc in rpcs()}
