"""The queue of messages for a slow client; pure."""


class Outbox:
    """Keeps messages in order, and only the newest of those with the same key.

    A slow client still gets every change of a task's status, but one progress event per task instead of
    hundreds.
    """

    __slots__ = ("_messages", "_next", "_numbers", "size")

    def __init__(self) -> None:
        self._messages: dict[int, bytes] = {}
        """By ascending number."""
        self._numbers: dict[str, int] = {}
        """The number of the waiting message of each key."""
        self._next = 0
        self.size = 0
        """The total size of all waiting messages, in bytes."""

    def __bool__(self) -> bool:
        return bool(self._messages)

    def put(self, message: bytes, key: str | None = None) -> bool:
        """Append a message and drop the waiting one with the same key; returns whether there was one."""
        replaced: int | None = None
        if key is not None:
            replaced = self._numbers.get(key)
            if replaced is not None:
                self.size -= len(self._messages.pop(replaced))
            self._numbers[key] = self._next
        self._messages[self._next] = message
        self._next += 1
        self.size += len(message)
        return replaced is not None

    def take(self) -> bytes:
        """Remove all messages and return them as the data of one frame."""
        data = b"\n".join(self._messages.values())
        self._messages.clear()
        self._numbers.clear()
        self.size = 0
        return data
