"""The client protocol, pure: text of a frame in, commands out; results in, text out. No I/O.

It is the JSON encoding of the Centrifuge bidirectional client protocol. A frame holds one or more JSON
objects, separated by line breaks; an empty object is a ping (from the server) or a pong (from the client).
"""

import json
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from server.hub.codes import ProtocolError, Unsubscribe

PING = "{}"


class MalformedFrameError(Exception):
    """A frame that is not of the protocol."""


class _Message(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class SubscribeRequest(_Message):
    """Ask for a channel; with ``recover``, for what was published after a position as well."""

    channel: str = ""
    recover: bool = False
    epoch: str = ""
    offset: int = Field(0, ge=0)


class ConnectRequest(_Message):
    """The first command of a connection."""

    token: str = ""
    subs: dict[str, SubscribeRequest] = {}
    """The positions of the server-side subscriptions that the client had before."""


class UnsubscribeRequest(_Message):
    """Give a channel up."""

    channel: str


class RefreshRequest(_Message):
    """Stay connected with a newer token."""

    token: str


class PingRequest(_Message):
    """Ask whether the server is there."""


class NotOfferedRequest(_Message):
    """A command of the protocol that this hub does not offer."""


class Command(_Message):
    """One command; exactly one of its methods is set."""

    id: int = Field(ge=1, le=2**32 - 1)
    connect: ConnectRequest | None = None
    subscribe: SubscribeRequest | None = None
    unsubscribe: UnsubscribeRequest | None = None
    refresh: RefreshRequest | None = None
    ping: PingRequest | None = None
    publish: NotOfferedRequest | None = None
    presence: NotOfferedRequest | None = None
    presence_stats: NotOfferedRequest | None = None
    history: NotOfferedRequest | None = None
    rpc: NotOfferedRequest | None = None
    sub_refresh: NotOfferedRequest | None = None

    @property
    def request(self) -> _Message | None:
        """The parameters; None if the method is unknown."""
        for method in METHODS:
            if (request := getattr(self, method)) is not None:
                return request  # type: ignore[no-any-return]
        return None


METHODS = tuple(name for name in Command.model_fields if name != "id")


def decode(frame: str | bytes) -> list[Command | None]:
    """The commands of a frame, in order; None is a pong, and so is a message that wants no reply.

    Raises:
        MalformedFrameError: a line is no JSON object, or has no usable ``id``.
    """
    text = frame if isinstance(frame, str) else frame.decode(errors="replace")
    return [_decode_one(line) for line in text.split("\n") if line.strip()]


def _decode_one(line: str) -> Command | None:
    if line.strip() == PING:
        return None
    try:
        command = Command.model_validate_json(line)
    except ValidationError as error:
        if _is_send(line):
            return None
        raise MalformedFrameError(_first_fault(error)) from None
    return command


def _is_send(line: str) -> bool:
    """Whether it is the one command without an id; we have no use for its data."""
    try:
        message = json.loads(line)
    except ValueError:
        return False
    return isinstance(message, dict) and "send" in message


def _first_fault(error: ValidationError) -> str:
    detail = error.errors(include_url=False, include_input=False)[0]
    return ": ".join([*map(str, detail["loc"]), detail["msg"]])


def reply(command: Command, method: str, result: dict[str, Any] | None = None) -> str:
    """The answer to a command that was served."""
    return _compact({"id": command.id, method: result or {}})


def error_reply(command: Command, error: ProtocolError) -> str:
    """The answer to a command that was not."""
    described: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.temporary:
        described["temporary"] = True
    return _compact({"id": command.id, "error": described})


def publication(channel: str, offset: int, data: str) -> str:
    """A push of one publication; ``data`` is JSON text and goes in as it is."""
    return f'{{"push":{{"channel":{json.dumps(channel)},"pub":{{"offset":{offset},"data":{data}}}}}}}'


def unsubscribed(channel: str, why: Unsubscribe) -> str:
    """A push that the server has ended a subscription."""
    push = {"channel": channel, "unsubscribe": {"code": why.code, "reason": why.reason}}
    return _compact({"push": push})


def subscription(
    *,
    offset: int,
    epoch: str,
    recovering: bool,
    recovered: bool,
    publications: Sequence[tuple[int, str]] = (),
    snapshot: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """The result of a subscribe, and of each server-side subscription within a connect."""
    result: dict[str, Any] = {"recoverable": True, "positioned": True, "offset": offset, "epoch": epoch}
    if recovering:
        result["was_recovering"] = True
    if recovered:
        result["recovered"] = True
    if publications:
        result["publications"] = [{"offset": at, "data": json.loads(data)} for at, data in publications]
    if snapshot is not None:
        result["data"] = snapshot
    return result


def _compact(message: dict[str, Any]) -> str:
    return json.dumps(message, separators=(",", ":"))
