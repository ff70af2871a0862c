"""A worker that generates with Gemini."""

import asyncio
import json
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from herald.shared.feed.feed import Feed
from herald.shared.settings import Settings
from herald.shared.tasks.models import Task
from herald.shared.tasks.store import Store
from tests.support.attempts import enqueued
from tests.support.gemini import (
    KEY,
    RETRY_INFO,
    Gemini,
    answer,
    cut,
    error,
)
from tests.support.processes import WORKER, environment, running


def worker(settings: Settings, server: Gemini, **options: Any) -> AbstractContextManager[Any]:
    variables = environment(settings, HERALD_GEMINI_API_KEY=KEY, HERALD_GEMINI_BASE_URL=server.address)
    return running(WORKER, {**variables, "HERALD_LOG_LEVEL": "debug"}, **options)


async def ended(store: Store, task: Task) -> Task:
    async with asyncio.timeout(60):
        while (done := await store.get(task.task_id)) is None or done.completed_at is None:
            await asyncio.sleep(0.05)
    return done


PLAN = {
    "objective": "Sell out the workshop <script>",
    "keywords": ["pottery", "gift ideas"],
    "settings": {"weeks": 5, "postsPerWeek": 2, "budget": 500, "channels": ["Instagram", "Radio"]},
}


async def test_a_media_plan_survives_errors_and_no_answer_is_paid_for_twice(
    gemini: Gemini, settings: Settings, store: Store, feed: Feed
) -> None:
    """The errors are an exhausted quota, an invalid answer and a broken connection."""
    usual = Gemini().reply
    retry_at_once = {"@type": RETRY_INFO, "retryDelay": "0.1s"}
    gemini.reply = usual
    gemini.script = [
        error(429, "RESOURCE_EXHAUSTED", retry_at_once),
        usual,
        lambda _: answer('{"title": 1}'),
        usual,
        usual,
        cut('{"posts":'),
    ]
    task = await enqueued(store, settings, type="GENERATE_MEDIA_PLAN", payload=PLAN)
    with worker(settings, gemini):
        done = await ended(store, task)
    assert done.status == "completed", done.last_error
    assert (done.retry_count, done.attempt) == (2, 3)
    assert len(gemini.asked) == 1 + 1 + 2 + 5 + 1, "an answer was written twice"
    assert done.usage is not None
    assert done.usage.provider == "gemini"
    answers = len(gemini.asked) - 2
    assert (done.usage.input_tokens, done.usage.output_tokens) == (7 * answers, 6 * answers)
    assert done.usage.cost_usd is not None and done.usage.cost_usd > 0
    plan = await store.results.get("mediaPlanGroups", task.task_id)
    assert plan is not None
    assert len(plan["calendar"]) == 10
    assert sum(channel["budget"] for channel in plan["channels"]) == 500
    messages = [
        json.loads(one.data) for one in (await feed.history(f"task:{task.task_id}", limit=1000)).publications
    ]
    costs = [event["task"]["usage"]["costUsd"] for event in messages if "usage" in event.get("task", {})]
    assert costs == sorted(costs) and len(set(costs)) > 3
    assert {
        piece["part"] for piece in messages if piece.get("step") == "Writing posts" and "part" in piece
    } == {f"week {number}" for number in range(1, 6)}


BRAND_KIT = {"brandName": "Northlight", "description": "Tableware from the sea"}


async def test_the_other_types_are_written_and_the_key_appears_nowhere(
    gemini: Gemini, settings: Settings, store: Store, feed: Feed, tmp_path: Path
) -> None:
    gemini.reply = Gemini().reply
    at_once = {"@type": RETRY_INFO, "retryDelay": "0.1s"}
    gemini.script = [error(code, "UNAVAILABLE", at_once, message=f"{KEY}!") for code in (500, 503)]
    kit = await enqueued(store, settings, type="GENERATE_BRAND_KIT", payload=BRAND_KIT)
    people = await enqueued(
        store, settings, type="AUTO_GENERATE_PERSONAS", payload={"product": "Tea", "count": 2}
    )
    log = tmp_path / "log"
    with log.open("wb") as file, worker(settings, gemini, stderr=file):
        for task, collection in ((kit, "brandKits"), (people, "personas")):
            done = await ended(store, task)
            assert (done.status, done.retry_count) == ("completed", 1), done.last_error
            assert await store.results.of_task(collection, task.task_id)
            assert KEY not in done.model_dump_json() and "…!" in str(done.history)
            history = await feed.history(f"task:{task.task_id}", limit=1000)
            assert not any(KEY in message.data for message in history.publications)
    assert b"DEBUG" in log.read_bytes() and KEY.encode() not in log.read_bytes()
    assert set(gemini.keys) == {KEY}
