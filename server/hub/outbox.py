"""The messages that wait for a slow receiver; pure."""


class Outgoing:
    """One message for a client.

    While it waits, a later message with the same ``replaces`` takes its place; None is never replaced.
    """

    __slots__ = ("replaces", "size", "text")

    def __init__(self, text: str, replaces: str | None = None) -> None:
        self.text = text
        self.replaces = replaces
        self.size = len(text) if text.isascii() else len(text.encode())
        """In bytes, as it goes out."""


class Outbox:
    """Keeps messages in order, and of those with the same ``replaces`` only the newest.

    So every transition waits for a slow receiver, but only one progress event per task, not hundreds.
    """

    __slots__ = ("_messages", "_next", "_replaceable", "size")

    def __init__(self) -> None:
        self._messages: dict[int, Outgoing] = {}
        self._replaceable: dict[str, int] = {}
        self._next = 0
        self.size = 0  # of all that waits, in bytes

    def __bool__(self) -> bool:
        return bool(self._messages)

    def put(self, message: Outgoing) -> bool:
        """Append a message and drop the one that it replaces; returns whether there was one."""
        before: int | None = None
        if message.replaces is not None:
            before = self._replaceable.get(message.replaces)
            if before is not None:
                self.size -= self._messages.pop(before).size
            self._replaceable[message.replaces] = self._next
        self._messages[self._next] = message
        self._next += 1
        self.size += message.size
        return before is not None

    def take(self) -> str:
        """Remove all messages and return them as the text of one frame."""
        text = "\n".join(message.text for message in self._messages.values())
        self._messages.clear()
        self._replaceable.clear()
        self.size = 0
        return text
