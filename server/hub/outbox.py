"""What waits for a receiver that cannot take more just now; pure."""


class Outgoing:
    """One message on its way to a client.

    A later message whose ``replaces`` is the same makes this one needless; None: nothing does.
    """

    __slots__ = ("replaces", "size", "text")

    def __init__(self, text: str, replaces: str | None = None) -> None:
        self.text = text
        self.replaces = replaces
        self.size = len(text) if text.isascii() else len(text.encode())
        """In bytes, as it goes out."""


class Outbox:
    """Keeps messages in order; of those with one key, only the newest.

    So a receiver that is slow for a while has every transition and one progress event a task waiting, not
    hundreds.
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
        """Add a message, in the place of the one that it replaces; whether there was such a one."""
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
        """All that waits, as the text of one frame; nothing waits after that."""
        text = "\n".join(message.text for message in self._messages.values())
        self._messages.clear()
        self._replaceable.clear()
        self.size = 0
        return text
