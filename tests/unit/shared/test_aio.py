"""Batching loads, and cancelling tasks reliably."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import pytest

from herald.shared import aio
from herald.shared.aio import DataLoader, cancel_and_wait


class Source:
    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.gate = asyncio.Event()
        self.failure: Exception | None = None

    async def fetch(self, keys: Sequence[str]) -> dict[str, str]:
        self.calls.append(list(keys))
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        return {key: key.upper() for key in keys}


async def test_keys_requested_during_a_call_are_fetched_by_the_next() -> None:
    source = Source()
    loader = DataLoader(source.fetch, max_keys=2)
    loads = [asyncio.create_task(loader.load("a"))]
    while not source.calls:
        await asyncio.sleep(0)
    loads += [asyncio.create_task(loader.load(key)) for key in ("b", "a", "c", "b")]
    for _ in range(3):
        await asyncio.sleep(0)
    assert source.calls == [["a"]], "there is only one call at a time"
    source.gate.set()
    assert await asyncio.gather(*loads) == ["A", "B", "A", "C", "B"]
    assert source.calls == [["a"], ["b", "a"], ["c"]], (
        "a second load of a key is not answered by an earlier call"
    )
    assert await loader.load("d") == "D"


async def test_a_failure_is_raised_for_its_own_callers_only() -> None:
    source = Source()
    source.gate.set()
    source.failure = ConnectionError("gone")
    loader = DataLoader(source.fetch)
    async with asyncio.timeout(30):
        results = await asyncio.gather(loader.load("a"), loader.load("b"), return_exceptions=True)
    assert all(result is source.failure for result in results)
    source.failure = None
    assert await loader.load("a") == "A"


async def test_a_cancelled_load_does_not_affect_the_others() -> None:
    source = Source()
    loader = DataLoader(source.fetch)
    leaving, staying = asyncio.create_task(loader.load("a")), asyncio.create_task(loader.load("a"))
    await asyncio.sleep(0.01)
    leaving.cancel()
    source.gate.set()
    assert await staying == "A"
    with pytest.raises(asyncio.CancelledError):
        await leaving


async def test_a_task_that_swallows_its_cancellation_is_cancelled_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(aio, "CANCEL_AGAIN_S", 0.01)

    async def stubborn() -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        await asyncio.sleep(60)

    async def failing() -> None:
        raise ValueError

    tasks = [asyncio.create_task(work()) for work in (stubborn, failing)]
    await asyncio.sleep(0)
    await cancel_and_wait(*tasks)
    assert all(task.done() for task in tasks)
