"""Settings are read from the environment; each problem is reported in one line."""

import os

import pytest
from pydantic import ValidationError

from herald.shared.settings import DEVELOPMENT_SECRET, Settings, load, load_for_service

PRODUCTION = {
    "HERALD_ENV": "production",
    "HERALD_AUTH_SECRET": "x" * 32,
    "HERALD_REDIS_URL": "redis://r",
    "HERALD_MONGO_URL": "mongodb://m",
}


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("HERALD_") or name in ("PORT", "WEB_CONCURRENCY"):
            monkeypatch.delenv(name)
    load.cache_clear()


def test_the_defaults_suit_development() -> None:
    settings = Settings()
    assert (settings.env, settings.host, settings.port, settings.workers) == ("dev", "127.0.0.1", 8000, 1)
    assert settings.gemini_api_key is None


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "9000")
    monkeypatch.setenv("WEB_CONCURRENCY", "4")
    monkeypatch.setenv("HERALD_OFFLINE_WORDS_PER_SECOND", "0")
    settings = Settings()
    assert (settings.port, settings.workers, settings.offline_words_per_second) == (9000, 4, 0)


def test_production_accepts_its_own_values(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in PRODUCTION.items():
        monkeypatch.setenv(name, value)
    assert Settings().env == "production"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HERALD_AUTH_SECRET", DEVELOPMENT_SECRET),
        ("HERALD_AUTH_SECRET", "short"),
        ("HERALD_REDIS_URL", ""),
        ("HERALD_MONGO_URL", ""),
    ],
)
def test_production_rejects_development_defaults(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    for variable, good in (PRODUCTION | {name: value}).items():
        monkeypatch.setenv(variable, good)
    with pytest.raises(ValidationError, match=name):
        Settings()


@pytest.mark.parametrize(
    "option",
    [
        "w=0",
        "w=1",
        "W=2",
        "w=",
        "journal=false",
        "fsync=true",
        "readConcernLevel=local",
        "readPreference=secondaryPreferred",
    ],
)
@pytest.mark.parametrize(
    "url", ["mongodb://m/?{}", "mongodb://a,b/db?replicaSet=rs0&{}", "mongodb://m/?w=majority;{}"]
)
def test_production_rejects_a_mongodb_url_that_weakens_writes_or_reads(
    monkeypatch: pytest.MonkeyPatch, url: str, option: str
) -> None:
    for variable, value in (PRODUCTION | {"HERALD_MONGO_URL": url.format(option)}).items():
        monkeypatch.setenv(variable, value)
    with pytest.raises(SystemExit, match=f"HERALD_MONGO_URL has {option}; remove it"):
        load()


def test_production_accepts_a_mongodb_url_with_the_options_that_herald_sets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = (
        "mongodb://u:p@a,b/?replicaSet=rs0&w=majority&journal=true&readConcernLevel=majority&retryWrites=true"
    )
    for variable, value in (PRODUCTION | {"HERALD_MONGO_URL": url}).items():
        monkeypatch.setenv(variable, value)
    assert Settings().mongo_url == url


def test_an_invalid_value_is_reported_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "no")
    with pytest.raises(SystemExit) as refused:
        load()
    assert str(refused.value).startswith("herald: PORT: ")
    assert "'no'" in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (
            "HERALD_ALLOWED_ORIGINS",
            "http://a",
            "herald: HERALD_ALLOWED_ORIGINS: must be a JSON list such as ",
        ),
        (
            "HERALD_MONGO_URL",
            "nonsense",
            "must start with mongodb:// or mongodb+srv:// (got 'nonsense')",
        ),
        (
            "HERALD_REDIS_URL",
            "h:6379",
            "must start with redis://, rediss://, unix:// or redis+sentinel://",
        ),
        ("HERALD_MONGO_URL", "mongo://ada:s3cret@h", "(got 'mongo://ada:***@h')"),
        ("HERALD_NAMESPACE", "a:b", "String should match pattern '^[A-Za-z0-9_-]*$' (got 'a:b')"),
    ],
)
def test_a_malformed_value_is_reported_in_one_line(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as refused:
        load()
    assert message in str(refused.value) and "\n" not in str(refused.value)
    assert str(refused.value).startswith(f"herald: {name}: ")


def test_a_service_needs_its_urls() -> None:
    with pytest.raises(SystemExit, match="HERALD_REDIS_URL is not set"):
        load_for_service()


def test_secrets_are_not_printed() -> None:
    assert DEVELOPMENT_SECRET not in repr(Settings())
