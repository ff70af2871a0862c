"""Data that tasks emit: its limits, and what is published."""

import json
from typing import Any

import pytest

from herald.shared.task_api.errors import MisuseError
from herald.worker.engine.emitted import Emitted
from tests.support.tasks import a_task


def deep(levels: int) -> Any:
    return [deep(levels - 1)] if levels else 1


class FakeFeed:
    """Keeps what is published; fails as often as it is told."""

    def __init__(self) -> None:
        self.published: list[dict[str, Any]] = []
        self.failures = 0

    async def publish(self, messages: list[tuple[str, str]]) -> None:
        if self.failures:
            self.failures -= 1
            raise ConnectionError("gone")
        self.published += [{"channel": channel, **json.loads(data)} for channel, data in messages]

    def values(self) -> list[Any]:
        return [(event["name"], event["data"]) for event in self.published]


def emitted_on(feed: FakeFeed, **changes: Any) -> Emitted:
    return Emitted(feed, a_task(task_id="t1", attempt=2, **changes))  # type: ignore[arg-type]


async def test_data_is_published_in_order_on_the_channel_of_the_task() -> None:
    feed = FakeFeed()
    emitted = emitted_on(feed)
    emitted.add("score", {"home": 1})
    emitted.add("score", {"home": 2})
    assert emitted.are_waiting and not emitted.is_stored
    await emitted.publish()
    assert feed.values() == [("score", {"home": 1}), ("score", {"home": 2})]
    event = feed.published[0]
    del event["at"]
    assert event == {
        "channel": "task:t1",
        "type": "task.emitted",
        "taskId": "t1",
        "attempt": 2,
        "name": "score",
        "data": {"home": 1},
    }
    assert emitted.newest() == {"score": {"home": 2}}


async def test_the_newest_data_of_a_name_replaces_older_data_if_too_much_is_waiting() -> None:
    feed = FakeFeed()
    emitted = emitted_on(feed)
    emitted.add("other", 0)
    for number in range(100):
        emitted.add("score", number)
    await emitted.publish()
    assert feed.values()[0] == ("other", 0) and feed.values()[-1] == ("score", 99)
    assert len(feed.published) <= 20


async def test_nothing_is_lost_while_redis_is_unreachable() -> None:
    feed = FakeFeed()
    feed.failures = 1
    emitted = emitted_on(feed)
    emitted.add("a", 1)
    emitted.add("b", 1)
    await emitted.publish()
    emitted.add("b", 2)
    await emitted.publish()
    assert feed.values() == [("a", 1), ("b", 1), ("b", 2)]
    assert not emitted.are_waiting


def test_the_newest_data_of_earlier_attempts_is_kept() -> None:
    emitted = emitted_on(FakeFeed(), emitted={"old": 1})
    assert emitted.is_stored
    emitted.add("new", 2)
    assert emitted.newest() == {"old": 1, "new": 2}


@pytest.mark.parametrize("data", [object(), float("nan"), 2**64, "\ud800", {"a": print}, deep(51)])
def test_data_without_a_json_form_is_refused(data: Any) -> None:
    emitted = emitted_on(FakeFeed())
    with pytest.raises(MisuseError, match=r"emit\('score'\): the data has no JSON form"):
        emitted.add("score", data)
    assert emitted.newest() is None and not emitted.are_waiting


@pytest.mark.parametrize("name", ["", "a b", "a.b", "$a", "x" * 65])
def test_a_name_that_cannot_be_a_key_is_refused(name: str) -> None:
    with pytest.raises(MisuseError, match="as the name"):
        emitted_on(FakeFeed()).add(name, 1)


def test_there_are_limits_of_size_and_number() -> None:
    emitted = emitted_on(FakeFeed())
    with pytest.raises(MisuseError, match=r"may take 16384 bytes of JSON; this is 16387"):
        emitted.add("large", "x" * (16 * 1024 + 1))
    for number in range(4):
        emitted.add(f"name-{number}", "x" * (16 * 1024 - 2))
    with pytest.raises(MisuseError, match="together; this would be 65537"):
        emitted.add("more", 1)
    emitted.add("name-0", 1)
    for number in range(4, 20):
        emitted.add(f"name-{number}", number)
    with pytest.raises(MisuseError, match="20 names at most"):
        emitted.add("more", 1)
