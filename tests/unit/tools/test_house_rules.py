"""Each rule finds what it forbids and leaves alone what it allows."""

from pathlib import PurePosixPath

import pytest

from tools.house_rules.__main__ import SOURCE_RULES
from tools.house_rules.model import Source, findings

SERVER = "services/identity/sessions.py"
LOG = "import structlog\n_log = structlog.get_logger()\n"

GOOD = {
    "wall-clock": [
        (SERVER, "def f(clock):\n    return clock.now()"),
        (SERVER, "import time\ntime.monotonic()"),
        (SERVER, "from datetime import datetime\ndatetime.fromisoformat('2026-11-23')"),
        ("services/kit/clock.py", "from datetime import UTC, datetime\ndatetime.now(UTC)"),
    ],
    "exception-text-in-log": [
        (
            SERVER,
            f"{LOG}try:\n    f()\nexcept OSError as error:\n    _log.error('failed', error_type=type(error).__name__)",
        ),
        (SERVER, f"{LOG}_log.error('failed', sqlstate=error.sqlstate, location=error_location(error))"),
        (SERVER, "raise ConfigError(f'cannot read: {error}')"),
        ("tests/unit/test_x.py", f"{LOG}_log.error('failed', error=str(error))"),
    ],
    "log-event-constant": [
        (SERVER, f"{LOG}_log.info('server_started', address=address)"),
        (SERVER, f"{LOG}structlog.get_logger().log(level, 'library_logged')"),
        (SERVER, "math.log(number)"),
    ],
    "select-star": [
        (SERVER, "SQL = 'SELECT count(*) FROM accounts'"),
        (SERVER, "SQL = 'SELECT account_id, 2 * 3 AS six FROM accounts RETURNING account_id'"),
        (SERVER, '"""Never SELECT * here."""'),
        ("services/identity/migrations/0001_accounts.sql", "-- never SELECT *\nSELECT 1;"),
    ],
    "unexplained-suppression": [
        (SERVER, "x = 1  # noqa: E501  # a table reads better whole"),
        (SERVER, "x = 1  # noqa: B006 - typer copies it"),
        (SERVER, "x = 1  # type: ignore[arg-type]  # their stub is wrong"),
        (SERVER, "x = '# noqa'"),
    ],
    "main-composes": [("services/identity/__main__.py", "x = 1\n" * 40), (SERVER, "x = 1\n" * 41)],
    "handler-does-not-catch": [
        (
            "services/identity/handler.py",
            "async def SignIn(self, request, context):\n    return to_reply(request)",
        ),
        ("services/identity/service.py", "try:\n    f()\nfinally:\n    g()"),
    ],
    "handler-has-no-sql": [
        ("services/identity/handler.py", "NAME = 'selected'"),
        ("services/identity/store.py", "SQL = 'SELECT login FROM accounts'"),
    ],
    "known-rooms": [
        ("services/identity/handler.py", ""),
        ("services/identity/__init__.py", ""),
        ("services/partners/conventions.py", ""),
        ("services/quotient/dossiers/store.py", ""),
        ("services/identity/migrations/0001_accounts.sql", ""),
        ("services/kit/anything.py", ""),
    ],
    "test-asserts": [
        ("tests/unit/test_x.py", "def test_x():\n    assert f()"),
        ("tests/unit/test_x.py", "async def test_x():\n    async with f():\n        assert_span_tree(g())"),
        ("tests/unit/test_x.py", "def test_x():\n    with pytest.raises(KeyError):\n        f()"),
        ("tests/unit/test_x.py", "def test_x():\n    if f():\n        pytest.fail('no')"),
        ("tests/unit/test_x.py", "def test_x(page):\n    expect(page).to_have_title('Traces')"),
        ("tests/unit/test_x.py", "def test_x():\n    race(5)\ndef race(times):\n    assert times"),
        ("tests/unit/test_x.py", "def helper():\n    pass"),
    ],
    "no-skips": [
        ("tests/unit/test_x.py", "@pytest.mark.parametrize('x', [1])\ndef test_x(x):\n    assert x"),
        ("tests/unit/test_x.py", "cli.skip('a step')"),
    ],
}

BAD = {
    "wall-clock": [
        (SERVER, "import datetime\ndatetime.datetime.now()"),
        (SERVER, "from datetime import datetime\nfield(default_factory=datetime.utcnow)"),
        ("cli/application.py", "from datetime import date\ndate.today()"),
        ("deploy/local/screen.py", "import time\ntime.time()"),
        (SERVER, "from time import time"),
        (SERVER, "import datetime as dt\ndt.datetime.now()"),
    ],
    "exception-text-in-log": [
        (SERVER, f"{LOG}_log.error('failed', error=str(error))"),
        (SERVER, f"{LOG}_log.error('failed', error=repr(exc))"),
        (SERVER, f"{LOG}_log.error('failed', error=error)"),
        (SERVER, f"{LOG}_log.error('failed', error=f'it was {{error}}')"),
        (SERVER, f"{LOG}_log.error('failed', error='%s' % error)"),
        (SERVER, f"{LOG}_log.error('failed', error='{{}}'.format(error))"),
        (SERVER, f"{LOG}_log.error('failed', error=error.args)"),
        (SERVER, f"{LOG}_log.error('failed', error=error.details())"),
        (SERVER, f"{LOG}_log.error('failed', exc_info=True)"),
        (SERVER, f"{LOG}_log.exception('failed')"),
        (SERVER, f"{LOG}_log.error('failed', trace=traceback.format_exc())"),
        (SERVER, f"{LOG}try:\n    f()\nexcept OSError as lost:\n    _log.error('failed', error=str(lost))"),
    ],
    "log-event-constant": [
        (SERVER, f"{LOG}_log.info(f'started {{address}}')"),
        (SERVER, f"{LOG}_log.info('Server started')"),
        (SERVER, f"{LOG}_log.info(event)"),
        ("gateway/service.py", f"{LOG}self._log.bind(x=1)\nself._log.info('Now what')"),
    ],
    "select-star": [
        (SERVER, "SQL = 'SELECT * FROM accounts'"),
        (SERVER, "SQL = f'''\n  select distinct a.*\n  from {table} a'''"),
        (SERVER, "SQL = 'INSERT INTO accounts VALUES (1) RETURNING *'"),
        ("services/identity/migrations/0001_accounts.sql", "CREATE VIEW v AS\nSELECT *\nFROM accounts;"),
    ],
    "unexplained-suppression": [
        (SERVER, "x = 1  # noqa"),
        (SERVER, "x = 1  # noqa: E501"),
        (SERVER, "x = 1  # noqa: E501, B006"),
        (SERVER, "x = 1  # type: ignore[arg-type]"),
        (SERVER, "x = 1  # type: ignore"),
    ],
    "main-composes": [("services/identity/__main__.py", "x = 1\n" * 41)],
    "handler-does-not-catch": [
        ("services/identity/handler.py", "try:\n    f()\nexcept OSError:\n    g()"),
        ("services/quotient/dossiers/handler.py", "try:\n    f()\nfinally:\n    g()"),
        ("gateway/handler.py", "try:\n    f()\nfinally:\n    g()"),
    ],
    "handler-has-no-sql": [("services/identity/handler.py", "SQL = '''\n  select login from accounts'''")],
    "known-rooms": [
        ("services/identity/utils.py", ""),
        ("services/identity/helpers.py", ""),
        ("services/identity/dossiers/deeper/store.py", ""),
        ("services/identity/migrations/accounts.sql", ""),
        ("services/identity/SessionStore.py", ""),
    ],
    "test-asserts": [
        ("tests/unit/test_x.py", "def test_x():\n    f()"),
        ("tests/unit/test_x.py", "def test_x():\n    race(5)\ndef race(times):\n    print(times)"),
        ("tests/unit/test_x.py", "class TestX:\n    async def test_x(self):\n        await f()"),
    ],
    "no-skips": [
        ("tests/unit/test_x.py", "@pytest.mark.skip(reason='later')\ndef test_x():\n    assert f()"),
        ("tests/unit/test_x.py", "@pytest.mark.xfail\ndef test_x():\n    assert f()"),
        ("tests/conftest.py", "pytest.importorskip('playwright')"),
        ("tests/conftest.py", "pytest.skip('no database')"),
    ],
}


def broken(path: str, text: str) -> set[str]:
    return {finding.rule for finding in findings(Source(PurePosixPath(path), text), SOURCE_RULES)}


@pytest.mark.parametrize(("rule", "path", "text"), [(rule, *case) for rule in BAD for case in BAD[rule]])
def test_what_breaks_a_rule_is_found(rule: str, path: str, text: str) -> None:
    assert rule in broken(path, text)


@pytest.mark.parametrize(("rule", "path", "text"), [(rule, *case) for rule in GOOD for case in GOOD[rule]])
def test_what_a_rule_allows_is_left_alone(rule: str, path: str, text: str) -> None:
    assert rule not in broken(path, text)


def test_every_rule_has_a_good_and_a_bad_sample() -> None:
    rules = {rule.id for rule in SOURCE_RULES}
    assert (set(GOOD), set(BAD)) == (rules, rules)


def test_a_finding_tells_place_rule_and_reason() -> None:
    source = Source(PurePosixPath(SERVER), 'X = """\n\n  SELECT *\n  FROM accounts"""\n')
    (finding,) = findings(source, SOURCE_RULES)
    assert str(finding).startswith(f"{SERVER}:3: select-star: SELECT * names no column (")
