"""The names of channels: ``tasks#<userId>``, ``task:<taskId>``, ``brand:<brandId>`` and ``ops``.

``static/client/channels.js`` has the same grammar; ``tests/support/channels.json`` holds examples for both.
"""

from typing import Final, Literal, NamedTuple

Kind = Literal["user", "task", "brand", "ops"]

_PREFIXES: Final[dict[Kind, str]] = {"user": "tasks#", "task": "task:", "brand": "brand:"}


class Channel(NamedTuple):
    """A channel of the feed; ``str()`` gives its name on the wire.

    Example::

        str(Channel.task("0190"))  # "task:0190"
        Channel.parse("brand:acme")  # Channel(kind="brand", id="acme")
    """

    kind: Kind
    id: str
    """The id of the user, task or brand; empty for the operators' channel."""

    @classmethod
    def user(cls, user_id: str) -> "Channel":
        """The channel of all of a user's tasks."""
        return cls("user", user_id)

    @classmethod
    def task(cls, task_id: str) -> "Channel":
        """The channel of one task; the only one that carries its draft."""
        return cls("task", task_id)

    @classmethod
    def brand(cls, brand_id: str) -> "Channel":
        """The channel of all of a brand's tasks."""
        return cls("brand", brand_id)

    @classmethod
    def parse(cls, name: str) -> "Channel | None":
        """The channel with this name; None if it is not the name of a channel."""
        if name == str(OPS):
            return OPS
        for kind, prefix in _PREFIXES.items():
            if name.startswith(prefix) and len(name) > len(prefix):
                return cls(kind, name[len(prefix) :])
        return None

    def __str__(self) -> str:
        return "ops" if self.kind == "ops" else _PREFIXES[self.kind] + self.id


OPS: Final = Channel("ops", "")
"""The channel that carries the operators' overview."""
