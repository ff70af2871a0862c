"""Requests that are held until something changes."""

import asyncio

import pytest

from herald.server.snapshots import Snapshots
from herald.shared.settings import Settings
from tests.support.client import PERSONAS
from tests.support.web import herald_with


async def test_held_requests_of_a_user_are_limited(settings: Settings) -> None:
    async with herald_with(settings, max_connections_per_user=2) as herald:
        task = await herald.create(PERSONAS)
        path = f"/api/jobs/{task['taskId']}"
        headers = {"If-None-Match": (await herald.get(path)).headers["etag"], "Prefer": "wait=50"}
        asked = [asyncio.create_task(herald.get(path, headers=headers)) for _ in range(3)]
        [first], others = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
        refused = await first
        assert refused.status_code == 429 and int(refused.headers["retry-after"]) > 0
        assert (await herald.get(path)).status_code == 200, "requests that do not wait are answered"
        await herald.post(f"{path}/cancel")
        assert [(await one).json()["status"] for one in others] == ["cancelled"] * 2
        headers |= {"If-None-Match": (await herald.get(path)).headers["etag"], "Prefer": "wait=1"}
        assert (await herald.get(path, headers=headers)).status_code == 304, "there is room again"


async def test_a_held_request_reads_no_snapshot(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    async def read(*_: object) -> str:
        raise AssertionError("a snapshot was read")

    monkeypatch.setattr(Snapshots, "read", read)
    async with herald_with(settings) as herald:
        task = await herald.create(PERSONAS)
        path = f"/api/jobs/{task['taskId']}"
        headers = {"If-None-Match": (await herald.get(path)).headers["etag"], "Prefer": "wait=1"}
        response = await herald.get(path, headers=headers)
        assert (response.status_code, response.headers["preference-applied"]) == (304, "wait=1")
