"""Second factors over a real PostgreSQL: what works once, what voids what, and what nobody finds in the tables."""

import asyncio
import base64
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import psycopg
import pyotp
import pytest
from cryptography.exceptions import InvalidTag
from psycopg import AsyncConnection

from services.identity.config import SecondFactorSettings
from services.identity.domain import CredentialsRefused
from services.identity.second_factor.domain import (
    RECOVERY_CODE_COUNT,
    CodeCheck,
    Enrolment,
    SecondFactorState,
    TotpFactor,
    recovery_code_digest,
)
from services.identity.second_factor.service import SecondFactors
from services.identity.second_factor.store import SecondFactorStore
from services.kit.config import DatabaseSettings
from services.kit.database import ConstraintViolated, Database, connection_parameters
from services.kit.migrate import OwnerSettings
from services.kit.redaction import Confidential, OneTimeCode, RecoveryCode, TotpSecret
from tests.clock import FakeClock
from tests.integration.identity.composed import Identity
from tests.stack import Stack

STEP = timedelta(seconds=30)
SETTINGS = SecondFactorSettings()
AT_ONCE = 4


@dataclass
class Factor:
    """The second factor of one account, with the user's app."""

    database: Database
    store: SecondFactorStore
    factors: SecondFactors
    clock: FakeClock
    account_id: UUID
    login: str
    secret: TotpSecret | None = None
    recovery_codes: tuple[RecoveryCode, ...] = ()

    async def begin(self) -> Enrolment:
        """Begins, and scans the secret."""
        enrolment = await self.factors.new_enrolment(self.login)
        async with self.database.transaction("begin") as connection:
            await self.factors.begin(connection, self.account_id, enrolment.secret)
        self.secret = enrolment.secret
        return enrolment

    def code(self, drift: int = 0, secret: TotpSecret | None = None) -> OneTimeCode:
        """What the app shows so many steps from now."""
        shown = secret or self.secret
        assert shown is not None
        return OneTimeCode(pyotp.TOTP(shown.reveal()).at(self.clock.now() + drift * STEP))

    async def confirm(self, code: OneTimeCode) -> tuple[RecoveryCode, ...]:
        """Confirms, and keeps the recovery codes."""
        async with self.database.transaction("confirm") as connection:
            self.recovery_codes = await self.factors.confirm(connection, self.account_id, code)
        return self.recovery_codes

    async def enrol(self) -> None:
        """Begins and confirms; the next code may be used."""
        await self.begin()
        await self.confirm(self.code())
        self.clock.advance(STEP)

    async def check(self, code: Confidential) -> CodeCheck:
        """Checks what was typed, in a transaction of its own."""
        async with self.database.transaction("check") as connection:
            return await self.factors.check(connection, self.account_id, OneTimeCode(code.reveal()))

    async def is_enrolled(self) -> bool:
        """Whether sign-ins ask for it."""
        async with self.database.transaction("look") as connection:
            return await self.factors.is_enrolled(connection, self.account_id)

    async def remaining(self) -> int:
        """How many recovery codes are left."""
        async with self.database.transaction("count") as connection:
            return (
                await connection.execute(
                    "SELECT FROM recovery_codes WHERE account_id = %s", [self.account_id]
                )
            ).rowcount


@asynccontextmanager
async def _factor_of_a_new_user(
    identity: Identity, data_key: bytes, clock: FakeClock
) -> AsyncIterator[Factor]:
    user = await identity.new_user()
    store = SecondFactorStore(identity.database)
    factors = SecondFactors(store, data_key, SETTINGS, clock)
    yield Factor(identity.database, store, factors, clock, user.account_id, user.login)


@pytest.fixture
def data_key() -> bytes:
    return secrets.token_bytes(32)


@pytest.fixture
async def factor(identity: Identity, data_key: bytes) -> AsyncIterator[Factor]:
    async with _factor_of_a_new_user(identity, data_key, identity.clock) as factor:
        yield factor


@pytest.fixture
async def other(identity: Identity, data_key: bytes) -> AsyncIterator[Factor]:
    """Another user's."""
    async with _factor_of_a_new_user(identity, data_key, identity.clock) as factor:
        yield factor


async def test_a_factor_counts_once_a_code_confirmed_it(factor: Factor) -> None:
    await factor.begin()
    assert not await factor.is_enrolled()
    factor.clock.advance(STEP)
    assert await factor.check(factor.code()) is CodeCheck.REFUSED
    codes = await factor.confirm(factor.code())
    assert await factor.is_enrolled()
    assert len(codes) == RECOVERY_CODE_COUNT == await factor.remaining()
    factor.clock.advance(STEP)
    assert await factor.check(factor.code()) is CodeCheck.ACCEPTED_BY_APP


async def test_the_code_that_confirmed_opens_nothing_more(factor: Factor) -> None:
    await factor.begin()
    await factor.confirm(factor.code(1))
    assert await factor.check(factor.code(1)) is CodeCheck.REFUSED
    assert await factor.check(factor.code(0)) is CodeCheck.REFUSED
    factor.clock.advance(STEP)
    assert await factor.check(factor.code(1)) is CodeCheck.ACCEPTED_BY_APP


async def test_a_wrong_code_confirms_nothing(factor: Factor) -> None:
    await factor.begin()
    for wrong in (factor.code(5), OneTimeCode(""), OneTimeCode("k7m2px-4w9qrt-3bcdef")):
        with pytest.raises(CredentialsRefused):
            await factor.confirm(wrong)
    assert not await factor.is_enrolled()
    assert await factor.remaining() == 0
    await factor.confirm(factor.code())


async def test_beginning_again_voids_the_secret_before(factor: Factor) -> None:
    before = (await factor.begin()).secret
    await factor.begin()
    with pytest.raises(CredentialsRefused):
        await factor.confirm(factor.code(secret=before))
    await factor.confirm(factor.code())


async def test_where_one_is_enrolled_none_is_begun(factor: Factor) -> None:
    await factor.enrol()
    enrolled = factor.secret
    with pytest.raises(SecondFactorState):
        await factor.begin()
    assert await factor.check(factor.code(secret=enrolled)) is CodeCheck.ACCEPTED_BY_APP


async def test_there_is_nothing_to_confirm_where_none_was_begun_of_late(factor: Factor) -> None:
    with pytest.raises(SecondFactorState):
        await factor.confirm(OneTimeCode("287082"))
    await factor.begin()
    factor.clock.advance(SETTINGS.enrolment_validity)
    with pytest.raises(SecondFactorState):
        await factor.confirm(factor.code())
    await factor.begin()
    factor.clock.advance(SETTINGS.enrolment_validity - STEP)
    await factor.confirm(factor.code())
    factor.clock.advance(STEP)
    with pytest.raises(SecondFactorState):
        await factor.confirm(factor.code())


async def test_a_code_works_once_and_none_before_it_afterwards(factor: Factor) -> None:
    await factor.enrol()
    factor.clock.advance(STEP)
    assert await factor.check(factor.code()) is CodeCheck.ACCEPTED_BY_APP
    for used in (factor.code(), factor.code(-1)):
        assert await factor.check(used) is CodeCheck.REFUSED
    assert await factor.check(factor.code(1)) is CodeCheck.ACCEPTED_BY_APP


async def test_a_clock_that_was_ahead_brings_no_code_back(factor: Factor) -> None:
    await factor.enrol()
    factor.clock.advance(timedelta(hours=1))
    assert await factor.check(factor.code()) is CodeCheck.ACCEPTED_BY_APP
    factor.clock.advance(-timedelta(hours=1))
    assert await factor.check(factor.code()) is CodeCheck.REFUSED
    assert await factor.check(factor.recovery_codes[0]) is CodeCheck.ACCEPTED_BY_RECOVERY_CODE
    factor.clock.advance(timedelta(hours=1) + STEP)
    assert await factor.check(factor.code()) is CodeCheck.ACCEPTED_BY_APP


async def test_each_recovery_code_works_once(factor: Factor) -> None:
    await factor.enrol()
    for number, code in enumerate(factor.recovery_codes, start=1):
        assert await factor.check(code) is CodeCheck.ACCEPTED_BY_RECOVERY_CODE
        assert await factor.check(code) is CodeCheck.REFUSED
        assert await factor.remaining() == RECOVERY_CODE_COUNT - number


async def test_a_recovery_code_is_known_however_it_is_typed(factor: Factor) -> None:
    await factor.enrol()
    first, second, *_ = (code.reveal() for code in factor.recovery_codes)
    for typed in (first.upper().replace("-", ""), f" {second.replace('-', ' - ')} "):
        assert await factor.check(OneTimeCode(typed)) is CodeCheck.ACCEPTED_BY_RECOVERY_CODE


async def test_the_codes_of_another_user_are_refused(factor: Factor, other: Factor) -> None:
    await factor.enrol()
    await other.enrol()
    assert await factor.check(other.code()) is CodeCheck.REFUSED
    assert await factor.check(other.recovery_codes[0]) is CodeCheck.REFUSED
    assert await other.remaining() == RECOVERY_CODE_COUNT


async def test_renewed_recovery_codes_void_those_before(factor: Factor, other: Factor) -> None:
    await factor.enrol()
    await other.enrol()
    async with factor.database.transaction("renew") as connection:
        renewed = await factor.factors.renew_recovery_codes(connection, factor.account_id)
    assert not set(renewed) & set(factor.recovery_codes)
    assert await factor.check(factor.recovery_codes[0]) is CodeCheck.REFUSED
    assert await factor.check(renewed[0]) is CodeCheck.ACCEPTED_BY_RECOVERY_CODE
    assert await other.check(other.recovery_codes[0]) is CodeCheck.ACCEPTED_BY_RECOVERY_CODE


async def test_what_is_removed_opens_nothing_and_may_be_enrolled_anew(factor: Factor, other: Factor) -> None:
    await factor.enrol()
    await other.enrol()
    async with factor.database.transaction("remove") as connection:
        await factor.factors.remove(connection, factor.account_id)
    assert not await factor.is_enrolled()
    assert await factor.remaining() == 0
    for code in (factor.code(), factor.recovery_codes[0]):
        assert await factor.check(code) is CodeCheck.REFUSED
    await factor.enrol()
    assert await factor.check(factor.code()) is CodeCheck.ACCEPTED_BY_APP
    assert await other.check(other.code()) is CodeCheck.ACCEPTED_BY_APP


async def test_removing_what_is_not_there_is_fine(factor: Factor) -> None:
    async with factor.database.transaction("remove") as connection:
        await factor.factors.remove(connection, factor.account_id)
    assert not await factor.is_enrolled()


async def test_a_code_whose_transaction_fails_was_not_used(factor: Factor) -> None:
    await factor.enrol()
    for code, accepted in (
        (factor.code(), CodeCheck.ACCEPTED_BY_APP),
        (factor.recovery_codes[0], CodeCheck.ACCEPTED_BY_RECOVERY_CODE),
    ):
        with pytest.raises(CredentialsRefused):
            await _check_in_vain(factor, code)
        assert await factor.check(code) is accepted


async def _check_in_vain(factor: Factor, code: Confidential) -> None:
    async with factor.database.transaction("check") as connection:
        typed = OneTimeCode(code.reveal())
        assert await factor.factors.check(connection, factor.account_id, typed) is not CodeCheck.REFUSED
        raise CredentialsRefused


async def _at_once(
    factor: Factor, act: Callable[[AsyncConnection, TotpFactor], Awaitable[bool]]
) -> list[bool]:
    """What several got who had all read the factor before any of them acted."""
    barrier = asyncio.Barrier(AT_ONCE)

    async def one() -> bool:
        async with factor.database.transaction("at_once") as connection:
            read = await factor.store.find(connection, factor.account_id)
            assert read is not None
            await barrier.wait()
            return await act(connection, read)

    return sorted(await asyncio.gather(*(one() for _ in range(AT_ONCE))))


ONE_OF_THEM = sorted([True, *[False] * (AT_ONCE - 1)])


async def test_of_several_at_once_with_one_code_one_is_accepted(factor: Factor) -> None:
    await factor.enrol()

    async def use(connection: AsyncConnection, read: TotpFactor) -> bool:
        return await factor.store.use_step(connection, read, read.last_step + 1)

    assert await _at_once(factor, use) == ONE_OF_THEM
    for _ in range(20):
        factor.clock.advance(STEP)
        checks = await asyncio.gather(*(factor.check(factor.code()) for _ in range(AT_ONCE)))
        assert checks.count(CodeCheck.ACCEPTED_BY_APP) == 1


async def test_of_several_at_once_with_one_recovery_code_one_is_accepted(factor: Factor) -> None:
    await factor.enrol()
    digest = recovery_code_digest(factor.recovery_codes[0])

    async def use(connection: AsyncConnection, read: TotpFactor) -> bool:
        return await factor.store.use_recovery_code(connection, read.account_id, digest)

    assert await _at_once(factor, use) == ONE_OF_THEM


async def test_of_several_who_confirm_at_once_one_enrols(factor: Factor) -> None:
    await factor.begin()

    async def enrol(connection: AsyncConnection, read: TotpFactor) -> bool:
        return await factor.store.enrol(connection, read, 1, factor.clock.now())

    assert await _at_once(factor, enrol) == ONE_OF_THEM


async def test_of_several_who_confirm_at_once_one_sees_recovery_codes_that_work(factor: Factor) -> None:
    for _ in range(20):
        await factor.begin()
        confirmations = await asyncio.gather(
            *(factor.confirm(factor.code()) for _ in range(AT_ONCE)), return_exceptions=True
        )
        refused = [each for each in confirmations if isinstance(each, SecondFactorState)]
        (codes,) = [each for each in confirmations if not isinstance(each, BaseException)]
        assert len(refused) == AT_ONCE - 1
        assert await factor.check(codes[-1]) is CodeCheck.ACCEPTED_BY_RECOVERY_CODE
        async with factor.database.transaction("remove") as connection:
            await factor.factors.remove(connection, factor.account_id)


async def test_a_code_of_a_secret_that_was_replaced_meanwhile_opens_nothing(factor: Factor) -> None:
    async with factor.database.transaction("read") as connection:
        await factor.begin()
        begun = await factor.store.find(connection, factor.account_id)
        await factor.begin()
        assert begun is not None
        assert not await factor.store.enrol(connection, begun, 1, factor.clock.now())
    await factor.confirm(factor.code())
    async with factor.database.transaction("use") as connection:
        assert not await factor.store.use_step(connection, begun, 2**40)


async def test_a_sealed_secret_of_another_account_opens_nothing(factor: Factor, other: Factor) -> None:
    await factor.enrol()
    await other.enrol()
    async with factor.database.transaction("swap") as connection:
        await connection.execute(
            """
            UPDATE second_factors SET sealed_secret = (
                SELECT theirs.sealed_secret FROM second_factors AS theirs WHERE theirs.account_id = %s
            ) WHERE account_id = %s
            """,
            [other.account_id, factor.account_id],
        )
    with pytest.raises(InvalidTag):
        await factor.check(other.code())


async def test_recovery_codes_serve_where_the_key_of_the_secrets_is_lost(factor: Factor) -> None:
    await factor.enrol()
    factor.factors = SecondFactors(factor.store, secrets.token_bytes(32), SETTINGS, factor.clock)
    with pytest.raises(InvalidTag):
        await factor.check(factor.code())
    assert await factor.check(factor.recovery_codes[0]) is CodeCheck.ACCEPTED_BY_RECOVERY_CODE


async def test_no_table_and_no_file_of_the_database_holds_a_secret_or_a_code(
    factor: Factor, stack: Stack
) -> None:
    await factor.enrol()
    code = factor.code()
    assert await factor.check(code) is CodeCheck.ACCEPTED_BY_APP
    assert await factor.check(factor.recovery_codes[0]) is CodeCheck.ACCEPTED_BY_RECOVERY_CODE
    assert factor.secret is not None
    raw_secret = base64.b32decode(factor.secret.reveal())
    recovery_codes = [code.reveal() for code in factor.recovery_codes]
    typed_codes = [code.replace("-", "") for code in recovery_codes]
    texts = [factor.secret.reveal(), *recovery_codes, *typed_codes]
    rows = _rows_of(factor.account_id, stack)
    assert rows.count(str(factor.account_id)) == 1 + RECOVERY_CODE_COUNT - 1
    for hidden in (*texts, raw_secret.hex(), *(text.encode().hex() for text in texts), code.reveal()):
        assert hidden not in rows
    files = [file.read_bytes() for file in (stack.layout.data / "postgres").rglob("*") if file.is_file()]
    assert any(factor.account_id.bytes in content for content in files)
    for hidden_bytes in (raw_secret, *(text.encode() for text in texts)):
        assert not any(hidden_bytes in content for content in files)


def _rows_of(account_id: UUID, stack: Stack) -> str:
    owner = stack.settings("identity_owner", OwnerSettings)
    with _connect(owner.database) as connection:
        rows = connection.execute(
            """
            SELECT second_factors::text FROM second_factors WHERE account_id = %(account_id)s
            UNION ALL SELECT recovery_codes::text FROM recovery_codes WHERE account_id = %(account_id)s
            """,
            {"account_id": account_id},
        ).fetchall()
    return "\n".join(text for (text,) in rows)


def _connect(settings: DatabaseSettings) -> psycopg.Connection:
    return psycopg.connect(**connection_parameters(settings), autocommit=True)


async def test_the_database_knows_no_factor_of_another_kind_and_no_code_in_clear(factor: Factor) -> None:
    await factor.enrol()
    for statement, constraint in (
        ("UPDATE second_factors SET kind = 'PASSKEY' WHERE account_id = %s", "second_factors_kind"),
        (
            "INSERT INTO recovery_codes (account_id, code_digest) VALUES (%s, 'k7m2px-4w9qrt-3bcdef')",
            "recovery_codes_digest_length",
        ),
    ):
        with pytest.raises(ConstraintViolated, match=constraint):
            await factor.database.execute("try", statement, [factor.account_id])
