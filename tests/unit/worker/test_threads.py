"""Synchronous functions on threads."""

import asyncio
import threading
from contextvars import ContextVar

import pytest

from herald.shared.observability import metrics
from herald.worker.threads import StepThreads

seen: ContextVar[str] = ContextVar("seen", default="nothing")


async def test_a_function_runs_on_a_daemon_thread_and_sees_the_caller_s_context() -> None:
    seen.set("the caller's")

    def look() -> tuple[bool, bool, str]:
        thread = threading.current_thread()
        return thread.daemon, thread is threading.main_thread(), seen.get()

    assert await StepThreads().run(look) == (True, False, "the caller's")


@pytest.mark.parametrize("error", [ValueError, SystemExit])
async def test_its_exceptions_are_raised(error: type[BaseException]) -> None:
    def fail() -> None:
        raise error("x")

    with pytest.raises(error):
        await StepThreads().run(fail)


async def test_at_most_so_many_run_at_once() -> None:
    running, most, lock = 0, 0, threading.Lock()
    three, go = threading.Event(), threading.Event()

    def count() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
            if running == 3:
                three.set()
        go.wait(10)
        with lock:
            running -= 1

    threads = StepThreads(3)
    calls = asyncio.gather(*(threads.run(count) for _ in range(9)))
    await asyncio.to_thread(three.wait, 10)
    go.set()
    await calls
    assert most == 3


async def test_a_cancelled_thread_is_abandoned_and_counted_and_frees_its_place() -> None:
    before = metrics.THREADS_ABANDONED._value.get()
    started, end = threading.Event(), threading.Event()

    def hang() -> str:
        started.set()
        end.wait(10)
        return "too late"

    threads = StepThreads(1)
    call = asyncio.create_task(threads.run(hang))
    await asyncio.to_thread(started.wait, 10)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert metrics.THREADS_ABANDONED._value.get() - before == 1
    assert await threads.run(lambda: "free") == "free"
    end.set()
