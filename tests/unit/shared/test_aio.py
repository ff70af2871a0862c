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
        self.fault: Exception | None = None

    async def fetch(self, keys: Sequence[str]) -> dict[str, str]:
        self.calls.append(list(keys))
        await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        return {key: key.upper() for key in keys}


async def test_who_asks_while_a_call_runs_is_served_by_the_next() -> None:
    source = Source()
    batch = DataLoader(source.fetch, max_keys=2)
    loads = [asyncio.create_task(batch.load("a"))]
    while not source.calls:
        await asyncio.sleep(0)
    loads += [asyncio.create_task(batch.load(key)) for key in ("b", "a", "c", "b")]
    for _ in range(3):
        await asyncio.sleep(0)
    assert source.calls == [["a"]], "one call at a time"
    source.gate.set()
    assert await asyncio.gather(*loads) == ["A", "B", "A", "C", "B"]
    assert source.calls == [["a"], ["b", "a"], ["c"]], (
        "a second load of a key is not answered by an earlier call"
    )
    assert await batch.load("d") == "D"


async def test_a_fault_is_told_to_all_that_asked_and_to_nobody_after() -> None:
    source = Source()
    source.gate.set()
    source.fault = ConnectionError("gone")
    batch = DataLoader(source.fetch)
    async with asyncio.timeout(30):
        told = await asyncio.gather(batch.load("a"), batch.load("b"), return_exceptions=True)
    assert all(fault is source.fault for fault in told)
    source.fault = None
    assert await batch.load("a") == "A"


async def test_one_that_leaves_does_not_hurt_the_others() -> None:
    source = Source()
    batch = DataLoader(source.fetch)
    leaving, staying = asyncio.create_task(batch.load("a")), asyncio.create_task(batch.load("a"))
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
