"""Centrifugo in place of the hub: the messages it receives and the requests it makes, in its own formats."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import jwt
import pytest
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from herald.server.app import create_app
from herald.shared.feed.centrifugo import CentrifugoError
from herald.shared.feed.feed import Feed
from herald.shared.settings import Settings
from herald.shared.tasks.events import TaskEvent
from herald.shared.tasks.store import Store
from herald.shared.tokens import TokenIssuer
from tests.support.client import BRAND_KIT, PERSONAS, Herald
from tests.support.processes import WORKER, environment, running
from tests.support.tasks import a_task
from tests.support.web import serving

KEY = "the-key-of-the-api"


class CentrifugoApi:
    """Accepts exactly what Centrifugo's ``POST /api/batch`` accepts, and rejects the rest as it does."""

    def __init__(self) -> None:
        self.published: list[tuple[str, dict[str, Any]]] = []
        self.batches = 0
        self.offsets: dict[str, int] = {}
        self.failing = 0

    async def batch(self, request: Request) -> Response:
        assert request.headers["content-type"] == "application/json"
        if request.headers.get("x-api-key") != KEY:
            return Response(status_code=401)
        if self.failing:
            self.failing -= 1
            return Response(status_code=503)
        body = await request.json()
        assert set(body) == {"commands"}
        self.batches += 1
        return JSONResponse({"replies": [self._publish(command) for command in body["commands"]]})

    def _publish(self, command: dict[str, Any]) -> dict[str, Any]:
        [(method, wanted)] = command.items()
        assert method == "publish" and set(wanted) == {"channel", "data"} and isinstance(wanted["data"], dict)
        channel = wanted["channel"]
        if channel.startswith("unknown:"):
            return {"error": {"code": 102, "message": "unknown channel"}}
        self.published.append((channel, wanted["data"]))
        self.offsets[channel] = self.offsets.get(channel, 0) + 1
        return {"publish": {"offset": self.offsets[channel], "epoch": "abcd"}}


@pytest.fixture
async def api() -> AsyncIterator[CentrifugoApi]:
    yield CentrifugoApi()


@pytest.fixture
async def centrifugo_settings(settings: Settings, api: CentrifugoApi) -> AsyncIterator[Settings]:
    """Settings that send events to ``api``."""
    app = Starlette(routes=[Route("/api/batch", api.batch, methods=["POST"])])
    async with serving(app) as address:
        changes = {"centrifugo_api_url": f"http://{address}/api", "centrifugo_api_key": SecretStr(KEY)}
        yield settings.model_copy(update=changes)


@pytest.fixture
async def centrifugo_herald(centrifugo_settings: Settings) -> AsyncIterator[Herald]:
    """A Herald whose events go to ``api``."""
    async with (
        serving(create_app(centrifugo_settings)) as address,
        Herald.at(address, TokenIssuer(centrifugo_settings)) as herald,
    ):
        async with asyncio.timeout(60):
            yield herald


def of_centrifugo(settings: Settings) -> dict[str, str]:
    return {"HERALD_CENTRIFUGO_API_URL": str(settings.centrifugo_api_url), "HERALD_CENTRIFUGO_API_KEY": KEY}


async def test_messages_for_hubs_only_go_to_redis_and_not_to_centrifugo(
    centrifugo_settings: Settings, api: CentrifugoApi, feed: Feed
) -> None:
    async with Feed.connect(centrifugo_settings) as publisher:
        await publisher.publish([("ops", "{}")], hubs_only=True)
    assert api.published == []
    assert len((await feed.history("ops", limit=10)).publications) == 1


async def test_an_event_goes_to_its_channels_in_one_request_and_not_to_redis(
    centrifugo_settings: Settings, api: CentrifugoApi, feed: Feed
) -> None:
    event = TaskEvent.of(a_task(brand_id="acme"))
    async with Feed.connect(centrifugo_settings) as publisher:
        await publisher.publish(event.messages())
        assert await publisher.publish([("tasks#ada", '{"type":"x","text":"ü\\n"}')]) == [2]
    assert api.batches == 2
    channels = ["tasks#ada", f"task:{event.task.task_id}", "brand:acme"]
    assert [channel for channel, _ in api.published[:3]] == channels
    assert api.published[0][1] == json.loads(event.encode())
    assert api.published[3][1]["text"] == "ü\n"
    assert (await feed.history("tasks#ada", limit=10)).publications == []


@pytest.mark.parametrize("fault", ["wrong key", "unavailable", "unreachable", "rejected channel"])
async def test_a_failed_request_raises_an_error_that_publishers_handle(
    centrifugo_settings: Settings, api: CentrifugoApi, fault: str
) -> None:
    faults: dict[str, dict[str, Any]] = {
        "wrong key": {"centrifugo_api_key": SecretStr("another")},
        "unreachable": {"centrifugo_api_url": "http://127.0.0.1:9/api"},
    }
    changes = faults.get(fault, {})
    api.failing = 1 if fault == "unavailable" else 0
    async with Feed.connect(centrifugo_settings.model_copy(update=changes)) as publisher:
        with pytest.raises(CentrifugoError) as raised:
            await publisher.publish([("unknown:x" if fault == "rejected channel" else "tasks#ada", "{}")])
    assert isinstance(raised.value, OSError) and KEY not in str(raised.value)
    assert api.published == []


async def test_all_events_of_a_task_reach_centrifugo_even_if_a_request_fails(
    centrifugo_herald: Herald, centrifugo_settings: Settings, api: CentrifugoApi
) -> None:
    api.failing = 1  # the first event is lost, and is published again or superseded
    with running(WORKER, environment(centrifugo_settings, **of_centrifugo(centrifugo_settings))):
        task_id = (await centrifugo_herald.create(BRAND_KIT))["taskId"]
        while not any(data["type"] == "task.completed" for _, data in api.published):
            await asyncio.sleep(0.05)
    mine = [data for channel, data in api.published if channel == "tasks#ada"]
    assert {data["task"]["taskId"] for data in mine} == {task_id}
    versions = [(data["task"]["rev"], data["task"]["tick"]) for data in mine]
    assert versions == sorted(versions)
    drafts = [data for channel, data in api.published if channel == f"task:{task_id}"]
    assert "task.delta" in {data["type"] for data in drafts}


async def test_long_polling_works_without_the_hub(centrifugo_herald: Herald) -> None:
    task_id = (await centrifugo_herald.create(PERSONAS))["taskId"]
    first = await centrifugo_herald.get(f"/api/jobs/{task_id}")
    headers = {"If-None-Match": first.headers["etag"], "Prefer": "wait=20"}
    waiting = asyncio.create_task(centrifugo_herald.get(f"/api/jobs/{task_id}", headers=headers))
    await centrifugo_herald.post(f"/api/jobs/{task_id}/cancel")
    assert (await waiting).json()["status"] == "cancelled"


async def test_the_subscribe_proxy_checks_permissions(centrifugo_herald: Herald, store: Store) -> None:
    task = await centrifugo_herald.create(PERSONAS)

    async def subscribe(user: str, channel: str, key: str = KEY) -> Any:
        request = {"client": "c", "transport": "websocket", "protocol": "json", "encoding": "json"}
        body = {**request, "user": user, "channel": channel}
        return await centrifugo_herald.http.post(
            "/centrifugo/subscribe", json=body, headers={"X-API-Key": key}
        )

    allowed = await subscribe("ada", f"task:{task['taskId']}")
    assert allowed.json() == {"result": {"data": {"tasks": [task]}}}
    assert (await subscribe("ada", "tasks#ada")).json()["result"]["data"]["tasks"] == [task]
    for user, channel in (
        ("bob", f"task:{task['taskId']}"),
        ("bob", "tasks#ada"),
        ("ada", "brand:acme"),
        ("ada", "ops"),
        ("ada", "task:none"),
    ):
        refused = await subscribe(user, channel)
        assert refused.status_code == 200 and refused.json()["error"]["code"] == 103, channel
    assert (await subscribe("ada", "tasks#ada", key="wrong")).status_code == 401


async def test_there_is_no_subscribe_proxy_without_centrifugo(herald: Herald) -> None:
    response = await herald.http.post("/centrifugo/subscribe", json={"user": "ada", "channel": "tasks#ada"})
    assert response.status_code == 404


def test_tokens_for_centrifugo_name_the_user_s_channel(
    centrifugo_settings: Settings, settings: Settings
) -> None:
    def claims(of: Settings) -> dict[str, Any]:
        token = TokenIssuer(of).issue("ada", [], 60)
        read: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
        return read

    assert claims(centrifugo_settings)["channels"] == ["tasks#ada"] and "channels" not in claims(settings)
