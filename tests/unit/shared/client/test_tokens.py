"""The token of a client that is given none."""

import jwt
import pytest

from herald import AsyncHerald, Herald
from herald.shared.client.tokens import Token, default_source
from herald.shared.settings import ClientSettings, Settings, load
from tests.conftest import SECRET


async def test_herald_token_is_used() -> None:
    assert default_source(ClientSettings.model_validate({"token": "mine", "env": "production"})) == "mine"


async def test_in_development_a_token_is_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HERALD_AUTH_SECRET", SECRET)
    load.cache_clear()
    claims = jwt.decode(await Token(default_source(ClientSettings())).current(), SECRET, ["HS256"])
    load.cache_clear()
    assert claims["sub"] == "operator" and set(claims["scope"].split()) == {"operator", "service"}


def test_in_production_a_token_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HERALD_ENV", "production")
    with pytest.raises(ValueError, match="set HERALD_TOKEN"):
        AsyncHerald()


def test_a_client_needs_none_of_the_services_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("ENV", "production"), ("URL", "https://herald.test/"), ("TOKEN", "t")):
        monkeypatch.setenv(f"HERALD_{name}", value)
    with pytest.raises(ValueError, match="HERALD_REDIS_URL"):
        Settings()
    assert Herald()._herald._connection.url == "https://herald.test"
    with pytest.raises(ValueError, match="must start with http"):
        Herald("herald.test", token="t")
