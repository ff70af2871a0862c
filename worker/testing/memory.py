"""A feed and learned values in memory."""

from collections.abc import Iterable, Mapping, Sequence

from herald.shared.feed.feed import Feed
from herald.shared.queue.recent_values import RecentValues
from herald.shared.tasks.events import Message


class MemoryFeed(Feed):
    """Keeps what is published instead of publishing it."""

    def __init__(self) -> None:
        self.published: list[Message] = []

    async def publish(self, messages: Sequence[Message], *, hubs_only: bool = False) -> list[int]:
        """Keep the messages."""
        self.published += messages
        return [0] * len(messages)


class MemoryValues(RecentValues):
    """Knows nothing of earlier runs, so that each test starts alike."""

    def __init__(self) -> None:
        pass

    async def add(self, values: Iterable[tuple[str, float]]) -> None:
        """Forget the values."""

    async def read(self, keys: Mapping[str, str]) -> dict[str, list[float]]:
        """Nothing."""
        return {}

    async def remember(self, key: str, text: str) -> None:
        """Forget the text."""

    async def recall(self, key: str) -> str | None:
        """Nothing."""
        return None
