"""What the stores are asked, what they keep, and what happens without them (N5, N8)."""

import hashlib
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest
from structlog.testing import capture_logs

from services.identity.config import IdentitySettings, SignInSettings
from services.identity.domain import CredentialsRefused
from services.identity.sessions.domain import Decision
from services.kit.config import DatabaseSettings
from services.kit.database import ConstraintViolated, StatementFailed, connection_parameters
from services.kit.errors import DependencyUnavailable
from services.kit.migrate import OwnerSettings
from services.kit.redaction import Password, SessionToken
from tests.integration.identity.composed import NEW_PASSWORD, OWN_PASSWORD, Identity, compose, session_key
from tests.stack import Stack

WRONG = Password("Sentinelle refusée")


def _closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _without_redis(settings: IdentitySettings) -> IdentitySettings:
    away = settings.redis.model_copy(update={"url": f"redis://127.0.0.1:{_closed_port()}/0"})
    return settings.model_copy(update={"redis": away})


def _without_postgres(settings: IdentitySettings) -> IdentitySettings:
    away = settings.database.model_copy(update={"port": _closed_port()})
    return settings.model_copy(update={"database": away})


@contextmanager
def _counted_calls(owner: object, method: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    calls: list[str] = []
    original = getattr(owner, method)

    async def counting(*args: object, **options: object) -> object:
        calls.append(str(args[0]))
        return await original(*args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(owner, method, counting)
        yield calls


async def test_a_batch_costs_one_script_and_one_statement(
    identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = [(await identity.settled_user())[1] for _ in range(5)]
    await identity.authenticate_all(tokens)
    with (
        _counted_calls(identity.redis, "execute_command", monkeypatch) as commands,
        _counted_calls(identity.database, "fetch_all", monkeypatch) as statements,
    ):
        verdicts = await identity.authenticate_all([*tokens * 100])
    assert {verdict.decision for verdict in verdicts} == {Decision.ACCEPTED}
    assert commands == ["EVALSHA"]
    assert statements == ["compare_generations"]


async def test_a_redis_that_forgot_the_script_is_taught_again(identity: Identity) -> None:
    _, token = await identity.settled_user()
    await identity.redis.script_flush()
    assert (await identity.authenticate(token)).decision is Decision.ACCEPTED


@pytest.mark.parametrize("without", [_without_redis, _without_postgres])
async def test_without_a_store_nobody_is_authenticated(
    settings: IdentitySettings,
    identity: Identity,
    without: Callable[[IdentitySettings], IdentitySettings],
) -> None:
    user, token = await identity.settled_user()
    async with compose(without(settings)) as broken:
        for call in (
            broken.authenticate(token),
            broken.sign_in(user),
            broken.look_at(token),
            broken.change_password(token, OWN_PASSWORD, NEW_PASSWORD),
        ):
            with pytest.raises(DependencyUnavailable):
                await call
    assert (await identity.authenticate(token)).decision is Decision.ACCEPTED


async def test_without_postgres_nobody_is_told_that_he_is_signed_out(
    settings: IdentitySettings, identity: Identity
) -> None:
    _, token = await identity.settled_user()
    async with compose(_without_postgres(settings)) as broken:
        with pytest.raises(DependencyUnavailable):
            await broken.sign_out(token)
    assert (await identity.authenticate(token)).decision is Decision.ACCEPTED


async def test_without_redis_a_sign_out_is_for_good_all_the_same(
    settings: IdentitySettings, identity: Identity
) -> None:
    _, token = await identity.settled_user()
    async with compose(_without_redis(settings)) as broken:
        await broken.sign_out(token)
    assert await identity.redis.exists(session_key(token))
    assert (await identity.authenticate(token)).decision is Decision.REFUSED


async def test_a_store_that_is_away_is_no_wrong_password(
    settings: IdentitySettings, identity: Identity
) -> None:
    user, _ = await identity.settled_user()
    strict = settings.model_copy(update={"sign_in": SignInSettings(free_failures=1)})
    async with compose(_without_postgres(strict)) as broken:
        for _ in range(2):
            with pytest.raises(DependencyUnavailable):
                await broken.sign_in(user)
    async with compose(strict) as healed:
        await healed.sign_in(user)


async def test_no_secret_is_kept_or_logged(identity: Identity) -> None:
    with capture_logs() as lines:
        user = await identity.new_user()
        opened = await identity.sign_in_as(user.login, user.temporary_password)
        changed = await identity.change_password(opened.session.token, user.temporary_password, OWN_PASSWORD)
        with pytest.raises(CredentialsRefused) as refused:
            await identity.sign_in_as(user.login, WRONG)
        await identity.authenticate(changed.token)
        kept = await _everything_in_redis(identity)
        await identity.sign_out(changed.token)
    assert session_key(changed.token) in kept
    assert [line["event"] for line in lines] == [
        "account_created",
        "signed_in",
        "password_changed",
        "sign_in_refused",
        "signed_out",
    ]
    account = await identity.accounts.get(user.account_id)
    told = f"{kept} {lines} {refused.value} {user.account_id} {account} {account.password_hash} {opened} {changed}"
    for secret in (
        user.temporary_password,
        OWN_PASSWORD,
        WRONG,
        opened.session.token,
        changed.token,
        SessionToken(user.login),
    ):
        assert secret.reveal() not in told


async def test_a_login_cannot_be_guessed_from_what_redis_keeps(identity: Identity) -> None:
    user, _ = await identity.settled_user()
    with pytest.raises(CredentialsRefused):
        await identity.sign_in_as(user.login, WRONG)
    kept = await _everything_in_redis(identity)
    assert "attempts:" in kept
    assert hashlib.sha256(user.login.encode()).hexdigest() not in kept


async def _everything_in_redis(identity: Identity) -> str:
    parts: list[str] = []
    async for key in identity.redis.scan_iter(count=1000):
        parts += [key.decode(), repr(await identity.redis.dump(key))]
    return " ".join(parts)


async def test_the_server_writes_no_password_token_or_login_to_its_log(stack: Stack) -> None:
    log = stack.layout.log("identity").read_text()
    assert "server_started" in log
    for trace_of_a_secret in ("x21-", "argon2id", "password_hash", "Traceback"):
        assert trace_of_a_secret not in log


def _connect(settings: DatabaseSettings) -> psycopg.Connection:
    return psycopg.connect(**connection_parameters(settings), autocommit=True)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM accounts",
        "TRUNCATE accounts",
        "UPDATE accounts SET login = login",
        "UPDATE accounts SET habilitation_id = habilitation_id",
        "UPDATE accounts SET create_time = create_time",
        "ALTER TABLE accounts DISABLE TRIGGER ALL",
        "DROP TABLE accounts",
        "CREATE TABLE mine ()",
        "INSERT INTO schema_migrations VALUES ('9999')",
    ],
)
def test_the_service_s_role_can_do_no_more_than_it_needs(settings: IdentitySettings, statement: str) -> None:
    with _connect(settings.database) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement.encode())


async def test_a_generation_never_goes_back_whoever_writes_it(stack: Stack, identity: Identity) -> None:
    user, token = await identity.settled_user()
    backwards = "UPDATE accounts SET session_generation = session_generation - 1 WHERE account_id = %s"
    with pytest.raises(ConstraintViolated):
        await identity.database.execute("go_back", backwards, [user.account_id])
    owner = stack.settings("identity_owner", OwnerSettings)
    with _connect(owner.database) as connection, pytest.raises(psycopg.errors.CheckViolation):
        connection.execute(backwards, [user.account_id])
    assert (await identity.authenticate(token)).decision is Decision.ACCEPTED
    with pytest.raises(StatementFailed):
        await identity.database.execute("delete", "DELETE FROM accounts")
