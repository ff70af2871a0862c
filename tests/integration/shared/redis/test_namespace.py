"""Two Heralds with a namespace each share one Redis and one MongoDB without seeing each other."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from pymongo import MongoClient

from herald.shared.feed.feed import Feed
from herald.shared.settings import Settings
from tests.support.client import PERSONAS, Herald
from tests.support.processes import WORKER, environment, running
from tests.support.registered import BUILT_IN, insert
from tests.support.web import herald_with

NAMES = ("blue", "green-2")


@pytest.fixture
async def heralds(settings: Settings) -> AsyncIterator[list[Herald]]:
    """A client of each of the two, which share users and secrets."""
    for name in NAMES:
        insert(settings.model_copy(update={"namespace": name}), *BUILT_IN)
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(herald_with(settings, namespace=name)) for name in NAMES]
    with MongoClient[dict[str, object]](settings.mongo_url) as client:
        for name in NAMES:
            client.drop_database(f"{name}-{settings.mongo_database}")


async def test_neither_namespace_sees_the_tasks_workers_and_events_of_the_other(
    heralds: list[Herald], settings: Settings, feed: Feed
) -> None:
    blue, green = heralds
    async with blue.connected() as blues, green.connected() as greens, asyncio.timeout(60):
        with running(WORKER, environment(settings, HERALD_NAMESPACE="blue")):
            waiting = await green.create(PERSONAS)
            done = await blue.create(PERSONAS)
            seen: list[dict[str, Any]] = []
            while not seen or seen[-1]["type"] != "task.completed":
                seen.append((await blues.publication())["data"])
        assert {event["task"]["taskId"] for event in seen} == {done["taskId"]}
        assert (await greens.publication())["data"]["task"]["taskId"] == waiting["taskId"]
    assert (await blue.get(f"/api/jobs/{waiting['taskId']}")).status_code == 404
    assert (await green.get(f"/api/jobs/{waiting['taskId']}")).json()["waitingFor"] == {"reason": "noWorker"}
    assert (await green.operator().get("/api/ops")).json()["queue"]["depth"] == 1
    prefixes = {key.partition(b":")[0] for key in await feed.redis.keys("*")}
    assert prefixes == {b"blue", b"green-2", b"arq"}
    with MongoClient[dict[str, object]](settings.mongo_url) as client:
        databases = {name for name in client.list_database_names() if settings.mongo_database in name}
        assert client[settings.mongo_database]["tasks"].count_documents({}) == 0
    assert {f"{name}-{settings.mongo_database}" for name in NAMES} <= databases
