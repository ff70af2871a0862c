import asyncio
from contextlib import suppress

import pytest

from shared import ending


async def test_a_task_that_has_swallowed_its_cancel_ends_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ending, "AGAIN_S", 0.01)

    async def stubborn() -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        await asyncio.sleep(60)

    async def failing() -> None:
        raise ValueError

    tasks = [asyncio.create_task(work()) for work in (stubborn, failing)]
    await asyncio.sleep(0)
    await ending.end(*tasks)
    assert all(task.done() for task in tasks)
