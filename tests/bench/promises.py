"""Accuracy of estimated start times with several users, priorities and task types."""

import asyncio
import json
import statistics
from collections import defaultdict
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import datetime

from herald.shared.feed.feed import Feed, Publication
from herald.shared.feed.follower import Follower
from herald.shared.launcher.embedded import free_port
from herald.shared.tasks.channels import Channel
from herald.shared.tasks.models import ENDED, Task
from herald.shared.tasks.store import Store
from herald.shared.tokens import TokenIssuer
from tests.bench.servers import Figures
from tests.bench.workers import Alone
from tests.support.client import BRAND_KIT, MEDIA_PLAN, PERSONAS
from tests.support.client import Herald as HttpClient
from tests.support.processes import WEB, WORKER, environment, ready, running

TASKS = (
    [("busy", PERSONAS, "normal")] * 40
    + [("bea", MEDIA_PLAN, "normal"), ("bea", PERSONAS, "normal")] * 8
    + [("eve", PERSONAS, "low"), ("eve", PERSONAS, "high")] * 6
    + [("ada", BRAND_KIT, "low"), ("ada", PERSONAS, "normal")] * 4
)
"""User, request and priority of each task."""


async def promises(server: Alone) -> Figures:
    """76 tasks of four users, 8 slots, up to 3 running per user: errors of the first estimate and of all."""
    settings = server.settings.model_copy(update={"mongo_database": "bench_promises"})
    port = free_port()
    variables = environment(
        settings,
        PORT=str(port),
        HERALD_MAX_JOBS="4",
        HERALD_MAX_RUNNING_PER_USER="3",
        HERALD_OFFLINE_WORDS_PER_SECOND="60",
        HERALD_LOG_LEVEL="warning",
    )
    first: dict[str, str | None] = {}
    estimates: dict[str, list[str]] = defaultdict(list)

    def on_publication(_: str, publication: Publication) -> None:
        task = json.loads(publication.data).get("task", {})
        if task.get("status") == "queued" and "estimatedStart" in task:
            estimates[task["taskId"]].append(task["estimatedStart"])

    async with AsyncExitStack() as stack:
        web, *_ = [stack.enter_context(running(command, variables)) for command in (WEB, WORKER, WORKER)]
        await ready(f"127.0.0.1:{port}", web)
        client = await stack.enter_async_context(HttpClient.at(f"127.0.0.1:{port}", TokenIssuer(settings)))
        store = await stack.enter_async_context(Store.connect(settings))
        feed = await stack.enter_async_context(Feed.connect(settings))
        follower = await stack.enter_async_context(Follower(feed, on_publication, lambda _: None))
        earlier = [
            (await client.other(f"earlier{number}").create(request))["taskId"]
            for request in (PERSONAS, MEDIA_PLAN, BRAND_KIT)
            for number in range(4)
        ]
        await ended(store, earlier)
        for user in {user for user, *_ in TASKS}:
            await follower.follow(str(Channel.user(user)))
        for user, request, priority in TASKS:
            task = await client.other(user).create({**request, "priority": priority})
            first[task["taskId"]] = task.get("estimatedStart")
        tasks = await ended(store, list(first))
    waits = [(task.started_at - task.queued_at).total_seconds() for task in tasks if task.started_at]
    figures: Figures = {
        "wait, median s": statistics.median(waits),
        "estimated at once": sum(start is not None for start in first.values()),
    }
    first_errors = [error_s(task, start) for task in tasks if (start := first[task.task_id])]
    all_errors = [error_s(task, start) for task in tasks for start in estimates[task.task_id]]
    for name, errors in (("first", sorted(first_errors)), ("all", sorted(all_errors))):
        figures[f"{name}: median error s"] = statistics.median(errors)
        figures[f"{name}: p90 error s"] = errors[len(errors) * 9 // 10]
    return figures


def error_s(task: Task, estimate: str) -> float:
    assert task.started_at is not None
    return abs((task.started_at - datetime.fromisoformat(estimate)).total_seconds())


async def ended(store: Store, task_ids: Sequence[str]) -> list[Task]:
    """Wait until all tasks have ended and return them."""
    async with asyncio.timeout(600):
        while True:
            found = [task for task_id in task_ids if (task := await store.get(task_id))]
            if all(task.status in ENDED for task in found):
                return found
            await asyncio.sleep(0.5)
