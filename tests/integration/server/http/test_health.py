"""The health endpoints."""

import asyncio

from tests.support.client import Herald


async def test_health_and_readiness_are_reported(herald: Herald) -> None:
    assert (await herald.http.get("/healthz")).json() == {"status": "ok", "connections": 0}
    while (response := await herald.http.get("/readyz")).status_code != 200:
        await asyncio.sleep(0.01)  # the hub may still be connecting to the feed
    assert response.json() == {"status": "ok", "mongo": "ok", "redis": "ok", "feed": "ok", "taskTypes": 0}
