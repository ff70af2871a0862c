"""The metrics of one process, and of several that share a directory."""

import asyncio
import os
import re
import signal
from pathlib import Path

import httpx2
from pydantic import SecretStr

from herald.server.app import create_app
from herald.shared.feed.feed import Feed
from herald.shared.launcher import embedded
from herald.shared.launcher.embedded import free_port
from herald.shared.settings import METRICS_DIR, Settings
from herald.shared.tasks.events import TaskEvent
from herald.shared.tasks.models import TaskStatus
from herald.shared.tokens import TokenIssuer
from tests.support.client import BRAND_KIT, PERSONAS, Herald
from tests.support.metrics import scraped
from tests.support.processes import WEB, WORKER, environment, ready, running, web
from tests.support.tasks import a_task
from tests.support.web import serving


async def test_processes_that_share_a_directory_expose_their_sums(settings: Settings, tmp_path: Path) -> None:
    shared = {METRICS_DIR: str(tmp_path)}
    several = {"WEB_CONCURRENCY": "2", **shared}
    with running(WORKER, environment(settings, **shared)):
        async with (
            web(settings, variables=several) as address,
            Herald.at(address, TokenIssuer(settings)) as herald,
        ):
            ids = [(await herald.create(BRAND_KIT))["taskId"] for _ in range(6)]
            for task_id in ids:
                while (await herald.get(f"/api/jobs/{task_id}")).json()["status"] != "completed":
                    await asyncio.sleep(0.05)
            kind = 'type="GENERATE_BRAND_KIT"'
            while (await scraped(address))[f"herald_task_run_seconds_count{{{kind}}}"] < 6:
                await asyncio.sleep(0.02)
            for _ in range(4):  # any of the processes may respond
                seen = await scraped(address)
                for status in ("queued", "processing", "completed"):
                    assert seen[f'herald_task_transitions_total{{status="{status}",{kind}}}'] == 6
                assert seen[f"herald_task_start_seconds_count{{{kind}}}"] == 6
                assert seen[f"herald_task_run_seconds_count{{{kind}}}"] == 6
                assert seen[f'herald_step_seconds_count{{step="Checking the contrast",{kind}}}'] == 6
                assert seen['herald_http_requests_total{method="POST",route="/api/jobs",status="202"}'] == 6
                assert seen["herald_feed_published_total"] > 6 * 5
                assert seen["herald_queue_depth"] == 0 and seen["herald_workers"] == 1
                assert seen['herald_up{service="mongo"}'] == seen['herald_up{service="redis"}'] == 1


async def test_gauges_of_dead_processes_are_dropped(settings: Settings, tmp_path: Path) -> None:
    shared, port = {METRICS_DIR: str(tmp_path)}, free_port()
    async with web(settings, variables=shared) as survivor:
        with running(WEB, environment(settings, PORT=str(port), **shared)) as victim:
            await ready(f"127.0.0.1:{port}", victim)
            async with Herald.at(f"127.0.0.1:{port}", TokenIssuer(settings)) as herald, herald.connected():
                assert (await scraped(survivor))['herald_connections{transport="websocket"}'] == 1
                victim.kill()
                victim.wait()
        assert (await scraped(survivor))['herald_connections{transport="websocket"}'] == 0


async def test_a_worker_serves_its_own_metrics_on_a_port(settings: Settings) -> None:
    port = free_port()
    with running(WORKER, environment(settings, HERALD_WORKER_METRICS_PORT=str(port))):
        async with httpx2.AsyncClient() as http:
            for _ in range(400):
                try:
                    response = await http.get(f"http://127.0.0.1:{port}/metrics")
                    break
                except httpx2.TransportError:
                    await asyncio.sleep(0.05)
    assert "herald_leases_lost_total 0.0" in response.text


async def test_the_hub_counts_deliveries_recoveries_and_disconnects(settings: Settings, feed: Feed) -> None:
    async with (
        serving(create_app(settings)) as address,
        Herald.at(address, TokenIssuer(settings)) as herald,
    ):
        before = await scraped(address)

        async def grown(name: str) -> float:
            return (await scraped(address))[name] - before[name]

        async with herald.connected() as first, herald.connected() as second:
            for tick in range(3):
                task = a_task(status=TaskStatus.PROCESSING, tick=tick)
                await feed.publish(TaskEvent.of(task, "task.progress").messages())
            for socket in (first, second):
                for _ in range(3):
                    await socket.publication()
            assert await grown("herald_feed_received_total") == 3
            assert await grown("herald_hub_forwarded_total") == 3
            assert await grown("herald_hub_deliveries_total") == 6
            assert await grown('herald_connections{transport="websocket"}') == 2
            assert await grown("herald_subscriptions") == 2
            start = first.hello["subs"]["tasks#ada"]
            was = {"recover": True, "epoch": start["epoch"], "offset": start["offset"]}
        async with herald.connected(subs={"tasks#ada": was}):
            assert await grown('herald_hub_recoveries_total{recovered="yes"}') == 1
        async with herald.connected(subs={"tasks#ada": {**was, "epoch": "another"}}):
            assert await grown('herald_hub_recoveries_total{recovered="no"}') == 1
        async with herald.socket() as socket:
            await socket.connection.send("this is not the protocol")
            await socket.closed()
        assert await grown('herald_hub_disconnects_total{reason="bad request"}') == 1
        assert await grown('herald_connections{transport="websocket"}') == 0
        assert await grown("herald_subscriptions") == 0
        async with herald.connected():
            for client in await feed.redis.client_list(_type="pubsub"):
                await feed.redis.client_kill_filter(_id=client["id"])
            while await grown("herald_feed_reconnects_total") < 1:
                await asyncio.sleep(0.02)


async def test_requests_are_counted_by_route_not_by_path(herald: Herald) -> None:
    before = await scraped(herald.address)
    await herald.create(PERSONAS)
    for path in ("/api/jobs/one", "/api/jobs/two", "/there/is/no/such/page", "/nor/this"):
        assert (await herald.get(path)).status_code == 404
    after = await scraped(herald.address)
    grown = {
        name: after[name] - before[name] for name in after if name.startswith("herald_http_requests_total")
    }
    assert grown['herald_http_requests_total{method="GET",route="/api/jobs/{task_id}",status="404"}'] == 2
    assert grown['herald_http_requests_total{method="GET",route="other",status="404"}'] == 2
    assert not any("/there" in name or "/one" in name for name in after)


async def test_metrics_require_their_token_if_one_is_set(settings: Settings) -> None:
    guarded = settings.model_copy(update={"metrics_token": SecretStr("scrape-me")})
    async with serving(create_app(guarded)) as address, httpx2.AsyncClient() as http:
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic scrape-me"}):
            refused = await http.get(f"http://{address}/metrics", headers=headers)
            assert refused.status_code == 401 and "herald_" not in refused.text
        assert (await scraped(address, Authorization="Bearer scrape-me"))["herald_workers"] == 0


async def test_a_service_that_is_down_is_reported_and_its_gauges_are_left_out(
    tmp_path: Path, settings: Settings
) -> None:
    with embedded.valkey(tmp_path) as valkey:
        lonely = settings.model_copy(update={"redis_url": valkey.url})
        async with serving(create_app(lonely)) as address:
            assert valkey.pid is not None
            os.kill(valkey.pid, signal.SIGKILL)
            text = await scraped(address)
    assert text['herald_up{service="redis"}'] == 0 and text['herald_up{service="mongo"}'] == 1
    assert "herald_queue_depth" not in text and "herald_queue_oldest_wait_seconds" in text


def test_no_metric_has_a_label_with_user_data() -> None:
    source = Path("shared/observability/metrics.py").read_text()
    labels = set(re.findall(r'"(\w+)"', " ".join(re.findall(r"\[[^]]*\]", source))))
    assert labels.isdisjoint({"user", "userId", "task", "taskId", "brand"})
