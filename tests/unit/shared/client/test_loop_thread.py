"""Coroutines run on a thread of their own, which ends with its owner."""

import asyncio
import gc
import os
import threading
from collections.abc import AsyncGenerator, Iterator

import pytest

from herald.shared.client.loop_thread import LoopThread

NAME = "loop-of-a-test"


async def nothing() -> None:
    pass


async def thread_of() -> threading.Thread:
    return threading.current_thread()


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == NAME]


@pytest.fixture
def loop() -> Iterator[LoopThread]:
    made = LoopThread(NAME, nothing)
    yield made
    made.close()
    assert threads() == []


def test_results_and_exceptions_are_passed_on(loop: LoopThread) -> None:
    async def failing() -> None:
        raise LookupError("here")

    assert threads() == [], "it starts with the first call"
    assert loop.run(asyncio.sleep(0, "value")) == "value"
    with pytest.raises(LookupError, match="here"):
        loop.run(failing())
    assert loop.run(thread_of()) is loop.run(thread_of()) is threads()[0]


async def test_it_works_beside_a_running_loop(loop: LoopThread) -> None:
    assert loop.run(asyncio.sleep(0, "value")) == "value"


def test_an_iterator_closes_its_generator(loop: LoopThread) -> None:
    closed = []

    async def numbers() -> AsyncGenerator[int, None]:
        try:
            for number in range(3):
                yield number
        finally:
            closed.append(True)

    assert list(loop.iterate(numbers())) == [0, 1, 2]
    for number in loop.iterate(numbers()):
        assert number == 0
        break
    gc.collect()
    assert closed == [True, True]


def test_closing_ends_what_is_running_and_the_thread() -> None:
    ended, started = [], threading.Event()

    async def at_end() -> None:
        ended.append("connections")

    async def forever() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("work")

    loop = LoopThread(NAME, at_end)
    errors: list[Exception] = []

    def wait() -> None:
        try:
            loop.run(forever())
        except RuntimeError as error:
            errors.append(error)

    waiting = threading.Thread(target=wait)
    waiting.start()
    started.wait()
    loop.close()
    waiting.join()
    loop.close()
    assert ended == ["work", "connections"] and threads() == []
    assert [str(error) for error in errors] == ["This client was closed"]
    with pytest.raises(RuntimeError, match="closed"):
        loop.run(nothing())


def test_a_forgotten_loop_ends_too() -> None:
    ended = threading.Event()

    async def at_end() -> None:
        ended.set()

    loop = LoopThread(NAME, at_end)
    loop.run(nothing())
    del loop
    gc.collect()
    assert ended.is_set() and threads() == []


def test_a_call_from_its_own_thread_is_refused(loop: LoopThread) -> None:
    async def again() -> None:
        loop.run(nothing())

    with pytest.raises(RuntimeError, match="cannot wait for itself"):
        loop.run(again())


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_process_starts_its_own(loop: LoopThread) -> None:
    loop.run(nothing())
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, loop.run(asyncio.sleep(0, b"value")))
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        assert pipe.read() == b"value"
    assert os.waitpid(child, 0)[1] == 0
    loop.run(nothing())
