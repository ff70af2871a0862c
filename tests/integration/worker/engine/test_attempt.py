"""The life of a task in a worker, with a model that does what the test wants."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest
from pymongo.errors import AutoReconnect

from herald.shared.feed.announcer import Announcer
from herald.shared.feed.feed import Feed
from herald.shared.observability import metrics
from herald.shared.queue.durations import Durations
from herald.shared.queue.jobs import job_id
from herald.shared.settings import Settings
from herald.shared.tasks.models import EndReason, Task, TaskStatus, Usage, now
from herald.shared.tasks.store import Store
from herald.worker.engine import journal as journal_module
from herald.worker.engine.attempt import Parts, RunAgainError, run_task
from herald.worker.engine.attempts import Runs
from herald.worker.llm.provider import Piece, Prompt, Provider, ProviderError
from herald.worker.tasks import GENERATORS
from tests.support.tasks import a_task

STEPS = ["Dividing the market", "Writing personas", "Saving"]
USAGE = Usage(provider="scripted", model="m", input_tokens=10, output_tokens=5)
Answer = Callable[[Prompt[Any]], AsyncIterator[str]]


def text_of(prompt: Prompt[Any]) -> str:
    text: str = prompt.draft().model_dump_json(by_alias=True)
    return text


async def draft(prompt: Prompt[Any]) -> AsyncIterator[str]:
    yield text_of(prompt)


async def slowly(prompt: Prompt[Any]) -> AsyncIterator[str]:
    text = text_of(prompt)
    for start in range(0, len(text), 20):
        yield text[start : start + 20]
        await asyncio.sleep(0.002)


class ScriptedProvider:
    """Answers each call with the next of its script, and with the draft after that."""

    def __init__(self, *script: Answer | Exception) -> None:
        self._script = list(script)
        self.calls: Counter[str] = Counter()

    async def write(self, prompt: Prompt[Any]) -> AsyncGenerator[Piece, None]:
        self.calls[prompt.schema.__name__] += 1
        answer = self._script.pop(0) if self._script else draft
        if isinstance(answer, Exception):
            raise answer
        async for text in answer(prompt):
            yield Piece(text, USAGE)


def parts_of(
    settings: Settings, store: Store, feed: Feed, provider: Provider, worker_id: str = "w1"
) -> Parts:
    return Parts(
        settings=settings,
        store=store,
        feed=feed,
        announcer=Announcer(store, feed),
        durations=Durations(feed.redis),
        provider=provider,
        worker_id=worker_id,
        generators=GENERATORS,
        runs=Runs(),
    )


@pytest.fixture
def parts(settings: Settings, store: Store, feed: Feed) -> Callable[..., Parts]:
    def make(*script: Answer | Exception, worker_id: str = "w1", **changes: Any) -> Parts:
        chosen = settings.model_copy(update=changes)
        return parts_of(chosen, store, feed, ScriptedProvider(*script), worker_id)

    return make


MakeParts = Callable[..., Parts]


async def queued(store: Store, **changes: Any) -> Task:
    return (await store.create(a_task(**changes)))[0]


async def loaded(store: Store, task: Task) -> Task:
    found = await store.get(task.task_id)
    assert found is not None
    return found


async def events(feed: Feed) -> list[dict[str, Any]]:
    return [json.loads(found.data) for found in (await feed.history("tasks#ada", limit=1000)).publications]


async def test_a_task_runs_its_steps_and_ends_with_its_result(
    parts: MakeParts, store: Store, feed: Feed
) -> None:
    task = await queued(store)
    await run_task(task.task_id, parts())
    done = await loaded(store, task)
    assert (done.status, done.progress, done.attempt) == (TaskStatus.COMPLETED, 100, 1)
    assert [(step.name, step.status) for step in done.steps] == [(name, "completed") for name in STEPS]
    assert all(step.started_at and step.completed_at for step in done.steps)
    assert done.current_step is None and done.completed_at and done.started_at
    assert done.usage == USAGE.model_copy(update={"input_tokens": 30, "output_tokens": 15})
    assert done.result == {"taskId": task.task_id, "personaIds": [f"{task.task_id}-01", f"{task.task_id}-02"]}
    assert len(await store.results_of("personas", task.task_id)) == 2
    assert await store.checkpoints(task.task_id) == {}


async def test_every_event_is_newer_than_the_one_before_and_progress_never_goes_back(
    parts: MakeParts, store: Store, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "PUBLISH_EVERY_S", 0.0)
    monkeypatch.setattr(journal_module, "STORE_EVERY_S", 0.02)

    task = await queued(store)
    await run_task(task.task_id, parts(slowly, slowly, slowly))
    told = await events(feed)
    versions = [(event["task"]["rev"], event["task"]["tick"]) for event in told]
    assert versions == sorted(set(versions))
    progress = [event["task"]["progress"] for event in told]
    assert progress == sorted(progress) and progress[-1] == 100
    assert all(percent < 100 for percent in progress[:-1]), "only what is completed is at 100 %"
    spent = [(event["task"].get("usage") or {}).get("outputTokens", 0) for event in told]
    assert spent == sorted(spent) and len(set(spent)) > 2
    types = Counter(event["type"] for event in told)
    assert types["task.processing"] == types["task.completed"] == 1
    assert types["task.progress"] > 5
    current = [event["task"].get("currentStep") for event in told if event["type"] == "task.step"]
    assert list(dict.fromkeys(filter(None, current))) == STEPS
    assert any(event["task"]["tick"] == 0 for event in told if event["type"] == "task.progress"), (
        "none was stored"
    )


async def test_a_second_run_of_an_ended_task_does_nothing(parts: MakeParts, store: Store) -> None:
    task = await queued(store)
    await run_task(task.task_id, parts())
    done = await loaded(store, task)
    again = parts()
    await run_task(task.task_id, again)
    await run_task("unknown", again)
    assert await loaded(store, task) == done
    assert not again.provider.calls  # type: ignore[attr-defined]


async def test_what_may_heal_is_tried_again_from_the_step_that_failed(
    parts: MakeParts, store: Store, feed: Feed
) -> None:
    task = await queued(store)

    async def busy(_: Prompt[Any]) -> AsyncIterator[str]:
        await asyncio.sleep(0.05)
        raise ProviderError("busy", EndReason.QUOTA, retryable=True, retry_after_s=0.0)
        yield

    first = parts(draft, busy, slowly)
    with pytest.raises(RunAgainError):
        await run_task(task.task_id, first)
    waiting = await loaded(store, task)
    assert (waiting.status, waiting.retry_count, waiting.last_error) == (TaskStatus.RETRYING, 1, "busy")
    assert waiting.next_retry_at is not None
    assert [step.status for step in waiting.steps] == ["completed", "failed", "pending"]
    assert waiting.usage is not None and waiting.usage.output_tokens == 10
    await store.transition(task.task_id, TaskStatus.PROCESSING, by="test", next_retry_at=None)
    second = parts()
    await run_task(task.task_id, second)
    resumed = [event["task"] for event in await events(feed) if event["task"]["attempt"] == 2]
    assert resumed and not any("lastError" in task for task in resumed), "the old error is still shown"
    done = await loaded(store, task)
    assert done.status is TaskStatus.COMPLETED
    assert done.usage is not None and done.usage.output_tokens == 15, "usage adds up over the attempts"
    assert first.provider.calls == {"Sketches": 1, "Portrait": 2}  # type: ignore[attr-defined]
    assert second.provider.calls == {"Portrait": 1}  # type: ignore[attr-defined]
    assert "task.retrying" in [event["type"] for event in await events(feed)]


async def test_progress_does_not_go_back_in_a_later_attempt(
    parts: MakeParts, store: Store, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "PUBLISH_EVERY_S", 0.001)
    task = await queued(store)

    async def breaks_off_late(prompt: Prompt[Any]) -> AsyncIterator[str]:
        yield text_of(prompt)[:-1]
        while (await loaded(store, task)).progress < 50:
            await asyncio.sleep(0.01)
        raise ProviderError("busy", EndReason.QUOTA, retryable=True, retry_after_s=0.0)

    monkeypatch.setattr(journal_module, "STORE_EVERY_S", 0.01)
    with pytest.raises(RunAgainError):
        await run_task(task.task_id, parts(draft, breaks_off_late, breaks_off_late))
    reached = (await loaded(store, task)).progress
    await store.transition(task.task_id, TaskStatus.PROCESSING, by="test", next_retry_at=None)
    await run_task(task.task_id, parts(slowly, slowly))
    shown = [event["task"] for event in await events(feed)]
    assert any(task["attempt"] == 2 and task["progress"] == reached for task in shown)
    assert [task["progress"] for task in shown] == sorted(task["progress"] for task in shown)


async def test_a_retry_taken_over_from_a_lost_worker_waits_first(parts: MakeParts, store: Store) -> None:
    task = await queued(store)
    with pytest.raises(RunAgainError):
        await run_task(
            task.task_id, parts(ProviderError("x", EndReason.QUOTA, retryable=True, retry_after_s=30))
        )
    with pytest.raises(RunAgainError) as later:
        await run_task(task.task_id, parts(), was_lost=True)
    assert 25 < later.value.due_in_s <= 30
    assert (await loaded(store, task)).attempt == 1


async def test_a_retry_that_the_queue_hands_out_runs_whatever_our_clock_says(
    parts: MakeParts, store: Store
) -> None:
    by_a_fast_clock = now() + timedelta(hours=1)
    task = await queued(store, status=TaskStatus.RETRYING, next_retry_at=by_a_fast_clock)
    await run_task(task.task_id, parts())
    assert (await loaded(store, task)).status is TaskStatus.COMPLETED


async def test_a_task_handed_back_by_a_worker_that_then_died_need_not_wait(
    parts: MakeParts, store: Store
) -> None:
    at = now() + timedelta(hours=1)
    task = await queued(store, status=TaskStatus.RETRYING, next_retry_at=at, updated_at=at)
    await run_task(task.task_id, parts(), was_lost=True)
    assert (await loaded(store, task)).status is TaskStatus.COMPLETED


async def test_the_provider_s_wish_is_honoured(parts: MakeParts, store: Store) -> None:
    task = await queued(store)
    with pytest.raises(RunAgainError) as later:
        await run_task(
            task.task_id, parts(ProviderError("x", EndReason.QUOTA, retryable=True, retry_after_s=500))
        )
    next_retry_at = (await loaded(store, task)).next_retry_at
    assert next_retry_at is not None and later.value.due_in_s == 500
    assert timedelta(seconds=490) < next_retry_at - now() <= timedelta(seconds=500)


async def failed_with(store: Store, parts: Parts, **changes: Any) -> Task:
    task = await queued(store, **changes)
    await run_task(task.task_id, parts)
    failed = await loaded(store, task)
    assert failed.status is TaskStatus.FAILED
    assert failed.completed_at and failed.last_error
    return failed


async def test_what_cannot_heal_fails_at_once(parts: MakeParts, store: Store, feed: Feed) -> None:
    failed = await failed_with(store, parts(ProviderError("unsafe", EndReason.SAFETY, retryable=False)))
    assert (failed.end_reason, failed.last_error, failed.retryable) == (EndReason.SAFETY, "unsafe", False)
    assert failed.history[-1].note == "unsafe"
    assert (await events(feed))[-1]["type"] == "task.failed"


async def test_when_the_tries_are_used_up_it_fails(parts: MakeParts, store: Store) -> None:
    failed = await failed_with(
        store, parts(ProviderError("busy", EndReason.QUOTA, retryable=True)), max_retries=2, retry_count=2
    )
    assert (failed.end_reason, failed.retryable) == (EndReason.QUOTA, True)


@pytest.mark.parametrize(
    ("changes", "reason", "told"),
    [
        ({"payload": {"product": "x", "count": 99}}, EndReason.BAD_INPUT, "count"),
        ({"type": "GENERATE_NOTHING"}, EndReason.BAD_INPUT, "GENERATE_NOTHING"),
    ],
)
async def test_a_task_that_can_never_run_says_why(
    parts: MakeParts, store: Store, changes: dict[str, Any], reason: EndReason, told: str
) -> None:
    failed = await failed_with(store, parts(), **changes)
    assert failed.end_reason is reason
    assert told in str(failed.last_error)


async def test_a_bug_ends_the_task_and_not_the_worker(parts: MakeParts, store: Store) -> None:
    failed = await failed_with(store, parts(ZeroDivisionError("a detail that is nobody's business")))
    assert failed.end_reason is EndReason.INTERNAL
    assert failed.last_error == "internal error: ZeroDivisionError"


async def nonsense(_: Prompt[Any]) -> AsyncIterator[str]:
    yield '{"people": 3}'


async def test_an_answer_that_does_not_fit_is_sent_back_once(parts: MakeParts, store: Store) -> None:
    said: list[Any] = []

    async def mended(prompt: Prompt[Any]) -> AsyncIterator[str]:
        said.append(prompt.rejected)
        yield text_of(prompt)

    task = await queued(store)
    await run_task(task.task_id, parts(nonsense, mended))
    done = await loaded(store, task)
    assert (done.status, done.retry_count) == (TaskStatus.COMPLETED, 0)
    [rejected] = said
    assert rejected.text == '{"people": 3}'
    assert rejected.faults == ["people: Input should be a valid array"]
    assert done.usage is not None and done.usage.output_tokens == 4 * USAGE.output_tokens


async def test_an_answer_that_does_not_fit_twice_is_the_end(parts: MakeParts, store: Store) -> None:
    failed = await failed_with(store, parts(nonsense, nonsense))
    assert (failed.end_reason, failed.retryable) == (EndReason.BAD_OUTPUT, False)
    assert "people: Input should be a valid array" in str(failed.last_error)
    assert "Start again" in str(failed.last_error)
    assert failed.usage is not None and failed.usage.output_tokens == 10, "what was paid is told"
    assert await store.checkpoints(failed.task_id) == {}


async def forever(_: Prompt[Any]) -> AsyncIterator[str]:
    while True:
        yield "word "
        await asyncio.sleep(0.01)


async def test_a_timeout_is_a_failure_and_no_cancel(parts: MakeParts, store: Store) -> None:
    failed = await failed_with(store, parts(forever, task_timeout_s=0.2), max_retries=0)
    assert (failed.end_reason, failed.retryable) == (EndReason.TIMEOUT, True)
    assert "0.2 s" in str(failed.last_error)


async def test_a_cancelled_task_s_run_stops_and_says_nothing_more(
    parts: MakeParts, store: Store, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "PUBLISH_EVERY_S", 0.01)
    monkeypatch.setattr(journal_module, "STORE_EVERY_S", 0.05)
    task = await queued(store)
    running = asyncio.create_task(run_task(task.task_id, parts(forever)))
    while (await loaded(store, task)).progress == 0:
        await asyncio.sleep(0.01)
    cancelled = await store.transition(task.task_id, TaskStatus.CANCELLED, by="user")
    told_before = len(await events(feed))
    async with asyncio.timeout(5):
        await running
    assert await loaded(store, task) == cancelled
    stray = (await events(feed))[told_before:]
    assert cancelled is not None
    assert all(event["task"]["rev"] < cancelled.rev for event in stray), (
        "the cancelled state stays the newest"
    )


async def test_a_job_from_before_the_user_s_retry_runs_nothing(parts: MakeParts, store: Store) -> None:
    task = await queued(store)
    await store.transition(task.task_id, TaskStatus.CANCELLED, by="user", completed_at=now())
    later = now() + timedelta(seconds=1)
    again = await store.transition(task.task_id, TaskStatus.QUEUED, by="user", queued_at=later)
    assert again is not None
    await run_task(task.task_id, parts(), job=job_id(task))
    assert await loaded(store, task) == again
    await run_task(task.task_id, parts(), job=job_id(again))
    assert (await loaded(store, task)).status is TaskStatus.COMPLETED


async def test_of_two_workers_one_ends_a_task(parts: MakeParts, store: Store, feed: Feed) -> None:
    task = await queued(store)
    await asyncio.gather(*(run_task(task.task_id, parts(worker_id=name)) for name in ("w1", "w2", "w3")))
    done = await loaded(store, task)
    assert done.status is TaskStatus.COMPLETED
    assert [entry.status for entry in done.history].count(TaskStatus.COMPLETED) == 1
    told = await events(feed)
    assert [event["type"] for event in told].count("task.completed") == 1
    assert told[-1]["task"]["rev"] == done.rev, "the loser published something after the end"
    assert len(await store.results_of("personas", task.task_id)) == 2


async def test_a_run_that_was_killed_is_taken_up_where_it_was(parts: MakeParts, store: Store) -> None:
    task = await queued(store)
    running = asyncio.create_task(run_task(task.task_id, parts(draft, forever, forever)))
    while (await loaded(store, task)).current_step != STEPS[1]:
        await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    left = await loaded(store, task)
    assert left.status is TaskStatus.PROCESSING
    heir = parts(worker_id="w2")
    await run_task(task.task_id, heir)
    done = await loaded(store, task)
    assert (done.status, done.attempt, done.retry_count) == (TaskStatus.COMPLETED, 2, 0)
    assert heir.provider.calls == {"Portrait": 2}  # type: ignore[attr-defined]
    assert [entry.by for entry in done.history] == ["w1", "w2", "w2"]


async def test_redis_is_away_and_the_task_is_done_all_the_same(settings: Settings, store: Store) -> None:
    async with Feed.connect(settings.model_copy(update={"redis_url": "redis://127.0.0.1:1"})) as nowhere:
        task = await queued(store)
        await run_task(task.task_id, parts_of(settings, store, nowhere, ScriptedProvider()))
        assert (await loaded(store, task)).status is TaskStatus.COMPLETED


async def test_mongodb_is_away_and_nothing_is_counted_against_the_task(
    parts: MakeParts, store: Store
) -> None:
    task = await queued(store)
    with pytest.raises(AutoReconnect):
        await run_task(task.task_id, parts(draft, AutoReconnect("gone")))
    left = await loaded(store, task)
    assert (left.status, left.retry_count) == (TaskStatus.PROCESSING, 0)
    await run_task(task.task_id, parts())
    assert (await loaded(store, task)).status is TaskStatus.COMPLETED


async def test_an_attempt_that_begins_while_the_worker_stops_is_handed_back(
    parts: MakeParts, store: Store
) -> None:
    task = await queued(store)
    stopping = parts()
    stopping.runs.hand_back()
    with pytest.raises(RunAgainError):
        await run_task(task.task_id, stopping)
    waiting = await loaded(store, task)
    assert (waiting.status, waiting.retry_count) == (TaskStatus.RETRYING, 0)
    assert not stopping.provider.calls  # type: ignore[attr-defined]
    await run_task(task.task_id, parts())
    assert (await loaded(store, task)).status is TaskStatus.COMPLETED


async def deltas(feed: Feed, task: Task) -> list[dict[str, Any]]:
    messages = (await feed.history(f"task:{task.task_id}", limit=1000)).publications
    return [
        data
        for data in map(json.loads, (message.data for message in messages))
        if data["type"] == "task.delta"
    ]


def joined(pieces: list[dict[str, Any]]) -> dict[str, str]:
    """The drafts, put together as a client does."""
    drafts: dict[str, str] = {}
    for piece in pieces:
        name = f"{piece['step']}/{piece.get('part')}"
        assert piece["start"] in (0, len(drafts.get(name, ""))), "there is a hole"
        drafts[name] = (drafts[name] if piece["start"] else "") + piece["text"]
    return drafts


async def test_the_draft_is_told_while_it_is_written(
    parts: MakeParts, store: Store, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "PUBLISH_EVERY_S", 0.005)
    monkeypatch.setattr(journal_module, "DELTA_EVERY_S", 0.01)
    task = await queued(store)
    await run_task(task.task_id, parts(slowly, slowly, slowly))
    told = await deltas(feed, task)
    assert len(told) > 6
    assert {(piece["taskId"], piece["attempt"]) for piece in told} == {(task.task_id, 1)}
    drafts = joined(told)
    assert set(drafts) == {
        "Dividing the market/None",
        "Writing personas/persona 1",
        "Writing personas/persona 2",
    }
    for draft_text in drafts.values():
        json.loads(draft_text)
    assert all("task.delta" not in event["type"] for event in await events(feed))
    types = [
        json.loads(one.data)["type"]
        for one in (await feed.history(f"task:{task.task_id}", limit=1000)).publications
    ]
    assert types[-1] == "task.completed", "a piece came after the end"


async def test_a_draft_that_is_written_anew_begins_anew(parts: MakeParts, store: Store, feed: Feed) -> None:
    task = await queued(store)
    await run_task(task.task_id, parts(nonsense))
    told = [piece for piece in await deltas(feed, task) if piece["step"] == STEPS[0]]
    assert [piece["start"] for piece in told] == [0, 0]
    assert "people" in json.loads(joined(told)[f"{STEPS[0]}/None"])


async def test_redis_comes_back_and_the_draft_has_no_hole(
    parts: MakeParts, store: Store, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "PUBLISH_EVERY_S", 0.005)
    monkeypatch.setattr(journal_module, "DELTA_EVERY_S", 0.01)
    publish, failures = feed.publish_each, iter(range(5))

    async def sometimes(messages: Any) -> list[int]:
        if any("task.delta" in data for _, data in messages) and next(failures, None) is not None:
            raise ConnectionError("gone")
        return await publish(messages)

    monkeypatch.setattr(feed, "publish_each", sometimes)
    task = await queued(store)
    await run_task(task.task_id, parts(slowly, slowly, slowly))
    assert next(failures, None) is None
    for text in joined(await deltas(feed, task)).values():
        json.loads(text)


async def test_a_failure_that_cannot_heal_breaks_off_what_else_is_written(
    parts: MakeParts, store: Store
) -> None:
    left = asyncio.Event()

    async def endless(_: Prompt[Any]) -> AsyncIterator[str]:
        try:
            while True:
                yield "word "
                await asyncio.sleep(0.01)
        finally:
            left.set()

    unsafe = ProviderError("unsafe", EndReason.SAFETY, retryable=False)
    async with asyncio.timeout(10):
        failed = await failed_with(store, parts(draft, endless, unsafe))
        await left.wait()
    assert failed.end_reason is EndReason.SAFETY


async def test_an_answer_that_an_older_version_kept_is_asked_for_again(
    parts: MakeParts, store: Store
) -> None:
    task = await queued(store)
    await store.save_checkpoint(task.task_id, STEPS[0], {"segments": []})
    fresh = parts()
    await run_task(task.task_id, fresh)
    assert (await loaded(store, task)).status is TaskStatus.COMPLETED
    assert fresh.provider.calls == {"Sketches": 1, "Portrait": 2}  # type: ignore[attr-defined]


async def test_no_more_than_four_parts_are_written_at_once(parts: MakeParts, store: Store) -> None:
    writing, most = 0, 0

    async def counted(prompt: Prompt[Any]) -> AsyncIterator[str]:
        nonlocal writing, most
        writing += 1
        most = max(most, writing)
        await asyncio.sleep(0.02)
        yield text_of(prompt)
        writing -= 1

    task = await queued(store, payload={"product": "A bell", "count": 10})
    await run_task(task.task_id, parts(draft, *[counted] * 10))
    assert (await loaded(store, task)).status is TaskStatus.COMPLETED
    assert most == 4


async def test_no_further_part_is_begun_after_one_has_failed(parts: MakeParts, store: Store) -> None:
    failed = asyncio.Event()

    async def busy(_: Prompt[Any]) -> AsyncIterator[str]:
        await asyncio.sleep(0.01)  # until the others are being written
        failed.set()
        raise ProviderError("busy", EndReason.QUOTA, retryable=True)
        yield

    async def unhurried(prompt: Prompt[Any]) -> AsyncIterator[str]:
        await failed.wait()
        yield text_of(prompt)

    task = await queued(store, payload={"product": "A bell", "count": 10})
    first = parts(draft, busy, unhurried, unhurried, unhurried)
    with pytest.raises(RunAgainError):
        await run_task(task.task_id, first)
    assert first.provider.calls["Portrait"] == 4  # type: ignore[attr-defined]
    assert len(await store.checkpoints(task.task_id)) == 1 + 3, "those that were being written are kept"


async def test_tokens_are_counted_however_a_call_ends(parts: MakeParts, store: Store) -> None:
    async def breaks_off(prompt: Prompt[Any]) -> AsyncIterator[str]:
        yield text_of(prompt)[:20]
        raise ProviderError("unsafe", EndReason.SAFETY, retryable=False)

    counted = metrics.TOKENS.labels("scripted", "m", "output")
    before = counted._value.get()
    await failed_with(store, parts(draft, breaks_off))
    assert counted._value.get() - before >= 2 * USAGE.output_tokens


@pytest.mark.parametrize("ends_well", [True, False])
async def test_an_attempt_that_was_superseded_ends_nothing(
    parts: MakeParts, store: Store, monkeypatch: pytest.MonkeyPatch, ends_well: bool
) -> None:
    task = await queued(store)
    end = journal_module.Journal.end

    async def too_late(journal: journal_module.Journal, *arguments: Any, **named: Any) -> bool:
        await store.transition(task.task_id, TaskStatus.PROCESSING, by="w2", attempt=2)
        return await end(journal, *arguments, **named)

    monkeypatch.setattr(journal_module.Journal, "end", too_late)
    unsafe = ProviderError("unsafe", EndReason.SAFETY, retryable=False)
    await run_task(task.task_id, parts() if ends_well else parts(draft, unsafe))
    now_running = await loaded(store, task)
    assert (now_running.status, now_running.attempt) == (TaskStatus.PROCESSING, 2)
    assert await store.checkpoints(task.task_id), "the checkpoints are the other attempt's"


async def test_an_attempt_that_was_superseded_records_nothing(parts: MakeParts, store: Store) -> None:
    task = await queued(store)
    taken: list[Task | None] = []

    async def taken_over(prompt: Prompt[Any]) -> AsyncIterator[str]:
        taken.append(await store.transition(task.task_id, TaskStatus.PROCESSING, by="w2", attempt=2))
        yield text_of(prompt)

    await run_task(task.task_id, parts(draft, taken_over))
    assert await loaded(store, task) == taken[0], "it has written to the other attempt"
