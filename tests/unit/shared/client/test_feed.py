"""The messages before a subscription: read in pages, each once, through lost connections."""

from types import SimpleNamespace
from typing import Any

import centrifuge
import pytest

from herald.shared.client import feed

CONNECTED = SimpleNamespace(state=centrifuge.ClientState.CONNECTED)
GONE = SimpleNamespace(state=centrifuge.ClientState.DISCONNECTED)


class Subscription:
    """Serves a history with messages from 1 to ``last``; each of ``failures`` is raised once, first."""

    state = centrifuge.SubscriptionState.SUBSCRIBED

    def __init__(self, last: int, *failures: Exception, first: int = 1) -> None:
        self._offsets = range(first, last + 1)
        self._failures = list(failures)
        self.requests: list[int] = []

    async def history(self, *, limit: int, since: Any) -> Any:
        self.requests.append(since.offset)
        if self._failures:
            raise self._failures.pop(0)
        offsets = [offset for offset in self._offsets if offset > since.offset][:limit]
        publications = [SimpleNamespace(offset=offset, data=offset) for offset in offsets]
        return SimpleNamespace(publications=publications)


def at(offset: int, epoch: str = "a") -> Any:
    return centrifuge.StreamPosition(offset, epoch)


async def between(seen: Any, position: Any, subscription: Subscription, client: Any) -> list[Any]:
    return await feed._between(seen, position, subscription, client)


@pytest.fixture(autouse=True)
def _no_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "_AGAIN_AFTER_S", 0)


async def test_messages_after_the_position_are_left_to_the_subscription() -> None:
    subscription = Subscription(30)
    assert await between(at(0, ""), at(25), subscription, CONNECTED) == list(range(1, 26))
    assert subscription.requests == [0, 10, 20]


async def test_after_a_gap_only_unseen_messages_are_read() -> None:
    assert await between(at(3), at(5), Subscription(5), CONNECTED) == [4, 5]
    assert await between(at(3), at(9), Subscription(9, first=8), CONNECTED) == [8, 9]
    assert await between(at(3), at(3), Subscription(3), CONNECTED) == []


async def test_a_new_history_is_read_from_its_start() -> None:
    assert await between(at(9, "old"), at(2, "new"), Subscription(2), CONNECTED) == [1, 2]


@pytest.mark.parametrize(
    "failure",
    [
        centrifuge.OperationTimeoutError(),
        centrifuge.ClientDisconnectedError(),
        centrifuge.ReplyError(100, "internal", True),
    ],
)
async def test_reading_goes_on_after_a_lost_connection(failure: Exception) -> None:
    assert await between(at(0, ""), at(2), Subscription(2, failure), CONNECTED) == [1, 2]


async def test_reading_ends_with_the_connection_or_when_it_is_refused() -> None:
    refused = centrifuge.ReplyError(108, "not available", False)
    assert await between(at(0, ""), at(2), Subscription(2, refused), CONNECTED) == []
    assert await between(at(0, ""), at(2), Subscription(2, centrifuge.OperationTimeoutError()), GONE) == []
