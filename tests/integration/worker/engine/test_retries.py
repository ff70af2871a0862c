"""When an attempt fails: whether its task is retried, and when."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from herald.shared.feed.feed import Feed
from herald.shared.task_api.backoff import Backoff
from herald.shared.task_api.context import Context
from herald.shared.task_api.errors import ModelError
from herald.shared.task_api.prompt import Prompt
from herald.shared.task_api.task_type import task
from herald.shared.tasks.models import EndReason, HistoryEntry, TaskStatus, now
from herald.shared.tasks.store import Store
from herald.worker.engine import journal as journal_module
from herald.worker.engine.attempt import run_task
from herald.worker.engine.claims import RunAgainError
from tests.support.attempts import (
    MakeDependencies,
    at_once,
    calls_of,
    events,
    failed_with,
    loaded,
    queued,
    slowly,
    text_of,
)
from tests.support.task_types import Brief


async def test_a_retry_continues_at_the_step_that_failed(
    make_dependencies: MakeDependencies, store: Store, feed: Feed
) -> None:
    task = await queued(store)

    async def busy(_: Prompt[Any]) -> AsyncIterator[str]:
        await asyncio.sleep(0.05)
        raise ModelError("busy", EndReason.QUOTA, retryable=True, retry_after_s=0.0)
        yield

    first = make_dependencies(at_once, busy, slowly)
    with pytest.raises(RunAgainError):
        await run_task(task.task_id, first)
    waiting = await loaded(store, task)
    assert (waiting.status, waiting.retry_count, waiting.last_error) == (TaskStatus.RETRYING, 1, "busy")
    assert waiting.next_retry_at is not None
    assert [step.status for step in waiting.steps] == ["completed", "failed"]
    assert waiting.usage is not None and waiting.usage.output_tokens == 10
    await store.transition(task.task_id, TaskStatus.PROCESSING, by="test", next_retry_at=None)
    second = make_dependencies()
    await run_task(task.task_id, second)
    resumed = [event["task"] for event in await events(feed) if event["task"]["attempt"] == 2]
    assert resumed and not any("lastError" in task for task in resumed), "the old error is still shown"
    done = await loaded(store, task)
    assert done.status is TaskStatus.COMPLETED
    assert done.usage is not None and done.usage.output_tokens == 15, "usage adds up over the attempts"
    assert calls_of(first) == {"Outline": 1, "Section": 2}
    assert calls_of(second) == {"Section": 1}
    assert "task.retrying" in [event["type"] for event in await events(feed)]


async def test_progress_does_not_go_back_in_a_later_attempt(
    make_dependencies: MakeDependencies, store: Store, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "PUBLISH_EVERY_S", 0.001)
    task = await queued(store)

    async def breaks_off_late(prompt: Prompt[Any]) -> AsyncIterator[str]:
        yield text_of(prompt)[:-1]
        while (await loaded(store, task)).progress < 50:
            await asyncio.sleep(0.01)
        raise ModelError("busy", EndReason.QUOTA, retryable=True, retry_after_s=0.0)

    monkeypatch.setattr(journal_module, "STORE_EVERY_S", 0.01)
    with pytest.raises(RunAgainError):
        await run_task(task.task_id, make_dependencies(at_once, breaks_off_late, breaks_off_late))
    reached = (await loaded(store, task)).progress
    await store.transition(task.task_id, TaskStatus.PROCESSING, by="test", next_retry_at=None)
    await run_task(task.task_id, make_dependencies(slowly, slowly))
    shown = [event["task"] for event in await events(feed)]
    assert any(task["attempt"] == 2 and task["progress"] == reached for task in shown)
    assert [task["progress"] for task in shown] == sorted(task["progress"] for task in shown)


async def test_a_retry_taken_over_from_a_lost_worker_waits_first(
    make_dependencies: MakeDependencies, store: Store
) -> None:
    task = await queued(store)
    with pytest.raises(RunAgainError):
        await run_task(
            task.task_id,
            make_dependencies(ModelError("x", EndReason.QUOTA, retryable=True, retry_after_s=30)),
        )
    with pytest.raises(RunAgainError) as later:
        await run_task(task.task_id, make_dependencies(), was_lost=True)
    assert 25 < later.value.due_in_s <= 30
    assert (await loaded(store, task)).attempt == 1


async def test_a_retry_from_the_queue_runs_even_if_it_is_not_due_by_our_clock(
    make_dependencies: MakeDependencies, store: Store
) -> None:
    by_a_fast_clock = now() + timedelta(hours=1)
    task = await queued(store, status=TaskStatus.RETRYING, next_retry_at=by_a_fast_clock)
    await run_task(task.task_id, make_dependencies())
    assert (await loaded(store, task)).status is TaskStatus.COMPLETED


async def test_a_task_handed_back_by_a_worker_that_then_died_does_not_wait(
    make_dependencies: MakeDependencies, store: Store
) -> None:
    at = now() + timedelta(hours=1)
    task = await queued(store, status=TaskStatus.RETRYING, next_retry_at=at, updated_at=at)
    await run_task(task.task_id, make_dependencies(), was_lost=True)
    assert (await loaded(store, task)).status is TaskStatus.COMPLETED


async def test_a_retry_waits_as_long_as_the_provider_asks(
    make_dependencies: MakeDependencies, store: Store
) -> None:
    task = await queued(store)
    with pytest.raises(RunAgainError) as later:
        await run_task(
            task.task_id,
            make_dependencies(ModelError("x", EndReason.QUOTA, retryable=True, retry_after_s=500)),
        )
    next_retry_at = (await loaded(store, task)).next_retry_at
    assert next_retry_at is not None and later.value.due_in_s == 500
    assert timedelta(seconds=490) < next_retry_at - now() <= timedelta(seconds=500)


async def test_an_error_that_a_retry_cannot_fix_fails_the_task_at_once(
    make_dependencies: MakeDependencies, store: Store, feed: Feed
) -> None:
    failed = await failed_with(
        store, make_dependencies(ModelError("unsafe", EndReason.SAFETY, retryable=False))
    )
    assert (failed.end_reason, failed.last_error, failed.retryable) == (EndReason.SAFETY, "unsafe", False)
    assert failed.history[-1].note == "unsafe"
    assert (await events(feed))[-1]["type"] == "task.failed"


async def test_a_task_fails_once_its_retries_are_used_up(
    make_dependencies: MakeDependencies, store: Store
) -> None:
    failed = await failed_with(
        store,
        make_dependencies(ModelError("busy", EndReason.QUOTA, retryable=True)),
        max_retries=2,
        retry_count=2,
    )
    assert (failed.end_reason, failed.retryable) == (EndReason.QUOTA, True)


@pytest.mark.parametrize("digest", [None, "digest of WRITE_REPORT"])
async def test_a_payload_that_is_not_of_its_type_fails_the_task(
    make_dependencies: MakeDependencies, store: Store, digest: str | None
) -> None:
    payload = {"topic": "x", "count": 99}
    failed = await failed_with(store, make_dependencies(), payload=payload, type_digest=digest)
    assert (failed.end_reason, failed.retryable) == (EndReason.BAD_INPUT, False)
    assert str(failed.last_error).startswith("invalid input: count: ")


@pytest.mark.parametrize(
    "changes",
    [{"payload": {"subject": "x"}, "type_digest": "of another version"}, {"type": "GENERATE_NOTHING"}],
)
async def test_a_task_that_only_another_worker_can_run_is_left_to_it(
    make_dependencies: MakeDependencies, store: Store, changes: dict[str, Any]
) -> None:
    task = await queued(store, **changes)
    with pytest.raises(RunAgainError) as later:
        await run_task(task.task_id, make_dependencies())
    assert later.value.due_in_s == 30
    assert await loaded(store, task) == task


async def test_an_unexpected_exception_is_retried_and_reveals_details_to_operators_only(
    make_dependencies: MakeDependencies, store: Store
) -> None:
    private = ZeroDivisionError("a detail that must stay private")
    task = await queued(store)
    with pytest.raises(RunAgainError):
        await run_task(task.task_id, make_dependencies(private))
    retrying = await loaded(store, task)
    assert (retrying.status, retrying.retry_count) == (TaskStatus.RETRYING, 1)
    failed = await failed_with(store, make_dependencies(private), max_retries=0)
    assert failed.end_reason is EndReason.INTERNAL
    assert failed.last_error == "internal error: ZeroDivisionError"
    assert failed.traceback is not None and "ZeroDivisionError: a detail" in failed.traceback
    assert "traceback" not in failed.public().wire()


async def test_secrets_are_removed_from_tracebacks(make_dependencies: MakeDependencies, store: Store) -> None:
    secret = "the-key-of-the-model"
    dependencies = make_dependencies(ValueError(f"key={secret}"), gemini_api_key=SecretStr(secret))
    failed = await failed_with(store, dependencies, max_retries=0)
    assert failed.traceback is not None and "key=…" in failed.traceback


async def test_the_task_type_s_backoff_decides_when_a_retry_starts(
    make_dependencies: MakeDependencies, store: Store
) -> None:
    @task("FAIL", backoff=Backoff(first=0))
    async def fail(_: Context, __: Brief) -> None:
        raise ValueError

    failing = await queued(store, type="FAIL")
    with pytest.raises(RunAgainError) as later:
        await run_task(failing.task_id, make_dependencies(types=[fail]))
    assert later.value.due_in_s == 0


async def test_a_timeout_counts_as_a_failure_not_as_a_cancel(
    make_dependencies: MakeDependencies, store: Store
) -> None:
    @task("HANG", timeout=0.2)
    async def hang(_: Context, __: Brief) -> None:
        await asyncio.Event().wait()

    failed = await failed_with(store, make_dependencies(types=[hang]), type="HANG", max_retries=0)
    assert (failed.end_reason, failed.retryable) == (EndReason.TIMEOUT, True)
    assert "0.2 s" in str(failed.last_error)


@pytest.mark.parametrize(("lost", "status"), [(4, TaskStatus.COMPLETED), (5, TaskStatus.FAILED)])
async def test_a_task_fails_once_five_workers_in_a_row_are_lost_while_running_it(
    make_dependencies: MakeDependencies, store: Store, lost: int, status: TaskStatus
) -> None:
    claims = [HistoryEntry(at=now(), status=TaskStatus.PROCESSING, by=f"w{number}") for number in range(lost)]
    task = await queued(store, status=TaskStatus.PROCESSING, attempt=lost, history=claims)
    await run_task(task.task_id, make_dependencies(worker_id="next"), was_lost=True)
    ended = await loaded(store, task)
    assert ended.status is status
    assert (ended.end_reason is EndReason.WORKER_LOST) is (status is TaskStatus.FAILED)
