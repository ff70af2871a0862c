"""Real services for the tests: one embedded Redis and MongoDB per test process, one database per test."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import redis
from pymongo import MongoClient

from herald.server.app import create_app
from herald.shared.feed.feed import Feed
from herald.shared.launcher import embedded
from herald.shared.settings import Settings
from herald.shared.tasks.store import Store
from herald.shared.tokens import TokenIssuer
from tests.support.client import Herald
from tests.support.registered import BUILT_IN, insert
from tests.support.web import serving

SECRET = "a-secret-that-only-the-tests-know-of"


@pytest.fixture(scope="session")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, embedded.Server]]:
    """The embedded servers, by the environment variable for their URL."""
    data_dir: Path = tmp_path_factory.mktemp("services")
    with embedded.valkey(data_dir) as valkey, embedded.mongo(data_dir) as mongo:
        yield {"HERALD_REDIS_URL": valkey, "HERALD_MONGO_URL": mongo}


@pytest.fixture(params=["motor"])
def mongo_driver(request: pytest.FixtureRequest) -> str:
    """The MongoDB driver; tests of the store parametrise it with both."""
    driver: str = request.param
    return driver


@pytest.fixture
def settings(services: dict[str, embedded.Server], mongo_driver: str) -> Iterator[Settings]:
    """Settings that share no data with other tests. The built-in task types are registered."""
    redis_url, mongo_url = services["HERALD_REDIS_URL"].url, services["HERALD_MONGO_URL"].url
    database = f"test_{secrets.token_hex(4)}"
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
    settings = Settings.model_validate(
        {
            "redis_url": redis_url,
            "mongo_url": mongo_url,
            "mongo_database": database,
            "mongo_driver": mongo_driver,
            "auth_secret": SECRET,
            "offline_words_per_second": 0,
        }
    )
    insert(settings, *BUILT_IN)
    yield settings
    with MongoClient[dict[str, object]](mongo_url) as mongo_client:
        mongo_client.drop_database(database)


@pytest.fixture
async def store(settings: Settings) -> AsyncIterator[Store]:
    """A store with its indexes."""
    async with Store.connect(settings) as opened:
        await opened.ensure_indexes()
        yield opened


@pytest.fixture
async def feed(settings: Settings) -> AsyncIterator[Feed]:
    async with Feed.connect(settings) as opened:
        yield opened


@pytest.fixture
async def herald(settings: Settings) -> AsyncIterator[Herald]:
    """A client of a web application served over a real socket, without a worker."""
    async with (
        serving(create_app(settings)) as address,
        Herald.at(address, TokenIssuer(settings)) as client,
    ):
        async with asyncio.timeout(60):
            yield client
