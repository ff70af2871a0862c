"""The health endpoints."""

import asyncio

from tests.support.client import Herald


async def test_health_and_readiness_are_reported(herald: Herald) -> None:
    assert (await herald.http.get("/healthz")).json() == {"status": "ok", "connections": 0}
    while (response := await herald.http.get("/readyz")).status_code != 200:
        await asyncio.sleep(0.01)  # the hub connects to the feed while the first requests come in
    assert response.json() == {"status": "ok", "mongo": "ok", "redis": "ok", "feed": "ok"}
