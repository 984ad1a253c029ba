"""One URL says how Redis is arranged; what cannot be read stops the start, and nothing of it is repeated."""

import traceback
from pathlib import Path

import pytest
from pydantic import ValidationError

from services.kit.config import ConfigError, RedisSettings, Section, load
from services.kit.redis_url import Address, RedisMode, RedisUrl, parse_redis_url

SECRET = "hunter2-hunter2"
FORMS = ("redis://host:port/database", "redis+sentinel://", "redis+cluster://", "rediss")


class Settings(Section):
    redis: RedisSettings


def refusal(tmp_path: Path, url: str, *lines: str) -> str:
    """What the start says of a settings file with this URL."""
    file = tmp_path / "settings.toml"
    file.write_text("\n".join(('[redis]\npassword_file = "password"', f'url = "{url}"', *lines)))
    with pytest.raises(ConfigError) as error:
        load(Settings, file, "QF_TEST_", {})
    assert SECRET not in "".join(traceback.format_exception(error.value))
    return str(error.value)


@pytest.mark.parametrize(
    ("url", "meaning"),
    [
        ("redis://cache", RedisUrl(RedisMode.STANDALONE, tls=False, addresses=(Address("cache", 6379),))),
        ("redis://cache/", RedisUrl(RedisMode.STANDALONE, tls=False, addresses=(Address("cache", 6379),))),
        (
            "rediss://10.0.0.7:7000/3",
            RedisUrl(RedisMode.STANDALONE, tls=True, addresses=(Address("10.0.0.7", 7000),), database=3),
        ),
        (
            "redis+sentinel://a:26400,b,[fd00::7]:1/qf.identity/2",
            RedisUrl(
                RedisMode.SENTINEL,
                tls=False,
                addresses=(Address("a", 26400), Address("b", 26379), Address("fd00::7", 1)),
                service_name="qf.identity",
                database=2,
            ),
        ),
        (
            "rediss+sentinel://a/identity",
            RedisUrl(RedisMode.SENTINEL, tls=True, addresses=(Address("a", 26379),), service_name="identity"),
        ),
        (
            "redis+cluster://a,b:7001",
            RedisUrl(RedisMode.CLUSTER, tls=False, addresses=(Address("a", 6379), Address("b", 7001))),
        ),
        (
            "rediss+cluster://node.example:7001/",
            RedisUrl(RedisMode.CLUSTER, tls=True, addresses=(Address("node.example", 7001),)),
        ),
    ],
)
def test_each_form_says_what_it_means(url: str, meaning: RedisUrl) -> None:
    assert parse_redis_url(url) == meaning


@pytest.mark.parametrize(
    "url",
    [
        "",
        "cache:6379",
        "http://cache",
        "redis+quorum://a",
        "redis://",
        "redis:///0",
        "redis://cache:0",
        "redis://cache:65536",
        "redis://cache:port",
        "redis://ca che",
        "redis://cache/zero",
        "redis://cache/0/1",
        "redis://cache/0?protocol=2",
        "redis://cache/0#1",
        "redis://a,b/0",
        "redis://fd00::7",
        "redis+sentinel://a,b",
        "redis+sentinel://a,b//0",
        "redis+sentinel://a,,b/identity",
        "redis+sentinel://a/identity/zero",
        "redis+cluster://a,b/1",
        "redis+cluster://a;b",
    ],
)
def test_another_form_stops_the_start_which_names_the_forms(tmp_path: Path, url: str) -> None:
    told = refusal(tmp_path, url)
    assert "redis.url" in told
    assert all(form in told for form in FORMS)


@pytest.mark.parametrize(
    "url",
    [
        f"redis://:{SECRET}@cache/0",
        f"redis://qf:{SECRET}@cache",
        f"rediss+sentinel://qf:{SECRET}@a,b/identity",
        f"redis+cluster://{SECRET}@a",
    ],
)
def test_a_password_in_the_url_stops_the_start_which_says_where_it_belongs(tmp_path: Path, url: str) -> None:
    told = refusal(tmp_path, url)
    assert "redis.url" in told
    assert "password_file" in told
    with pytest.raises(ValidationError) as error:
        RedisSettings(url=url, password_file=tmp_path)
    assert SECRET not in str(error.value)


@pytest.mark.parametrize(
    ("url", "line", "key"),
    [
        ("redis://cache", 'ca_file = "ca.pem"', "ca_file"),
        ("redis+cluster://cache", 'sentinel_password_file = "password"', "sentinel_password_file"),
    ],
)
def test_a_setting_that_would_have_no_effect_stops_the_start(
    tmp_path: Path, url: str, line: str, key: str
) -> None:
    assert key in refusal(tmp_path, url, line)
