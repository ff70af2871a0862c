"""The client protocol, pure: decodes the commands of a frame, and encodes replies and pushes.

It is the JSON encoding of the Centrifuge bidirectional client protocol. A frame holds one or more JSON
objects, separated by line breaks; an empty object is a ping (from the server) or a pong (from the client).
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any

import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from herald.server import strict_json
from herald.server.hub.codes import Disconnect, Error, Unsubscribe

PING = b"{}"
REJECT_UNRECOVERED = 2
"""The bit of a subscribe's ``flag`` that asks for an error where a position cannot be recovered."""
MAX_NUMBER = 2**63 - 1
"""The largest offset or limit that Redis accepts."""
MAX_TTL_S = 365 * 24 * 3600
"""The longest ``ttl`` in a reply; clients disconnect for good if it does not fit into 32 bits."""


class MalformedFrameError(Exception):
    """A frame that breaks the protocol."""


class _Message(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, fields: Any) -> Any:
        """Treat null as missing, as the JSON encoding of Protocol Buffers does."""
        if not isinstance(fields, dict):
            return fields
        return {name: value for name, value in fields.items() if value is not None}


def _whole(value: Any) -> Any:
    """JavaScript writes integers from 1e21 on as floats, of which pydantic accepts only small ones."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Number = Annotated[int, BeforeValidator(_whole)]


class StreamPosition(_Message):
    """A place in a channel's history."""

    offset: Number = Field(0, ge=0)
    epoch: str = ""


class SubscribeRequest(_Message):
    """Subscribe to a channel; with ``recover``, also ask for the publications after a position."""

    channel: str = ""
    token: str = ""
    recover: bool = False
    epoch: str = ""
    offset: Number = Field(0, ge=0)
    flag: Number = 0
    """Bits that ask for optional features; see `REJECT_UNRECOVERED`."""
    type: Number = 0
    """0 is a stream of publications; the others (maps, shared polls) are not offered."""
    tf: Any = None
    """A filter by tags; our publications have none."""


class ConnectRequest(_Message):
    """The first command of a connection."""

    token: str = ""
    subs: dict[str, SubscribeRequest] = {}
    """The positions of the server-side subscriptions that the client had before."""


class UnsubscribeRequest(_Message):
    """End a subscription."""

    channel: str


class HistoryRequest(_Message):
    """Read a channel's publications: ``limit`` of them, all if negative, 0 for the position alone."""

    channel: str
    limit: Number = 0
    since: StreamPosition | None = None
    reverse: bool = False


class RefreshRequest(_Message):
    """Extend the connection with a newer token."""

    token: str


class SubRefreshRequest(_Message):
    """Extend a subscription with a newer subscription token."""

    channel: str
    token: str


class PingRequest(_Message):
    """Check that the server responds."""


class SendRequest(_Message):
    """A message to the server that expects no reply."""


class NotOfferedRequest(_Message):
    """A command of the protocol that this hub does not offer."""


class Command(_Message):
    """One command; only one of its methods is set."""

    id: Number = Field(0, ge=0, le=2**32 - 1)
    """The reply repeats it; 0 in a ``send``, which has no reply."""
    connect: ConnectRequest | None = None
    subscribe: SubscribeRequest | None = None
    unsubscribe: UnsubscribeRequest | None = None
    history: HistoryRequest | None = None
    refresh: RefreshRequest | None = None
    sub_refresh: SubRefreshRequest | None = None
    ping: PingRequest | None = None
    publish: NotOfferedRequest | None = None
    presence: NotOfferedRequest | None = None
    presence_stats: NotOfferedRequest | None = None
    rpc: NotOfferedRequest | None = None
    send: SendRequest | None = None

    @model_validator(mode="after")
    def _has_an_id(self) -> "Command":
        if self.id == 0 and self.send is None:
            raise ValueError("a command needs an id from 1 on")
        return self

    @property
    def request(self) -> _Message | None:
        """The method's parameters; None if the method is unknown."""
        for method in METHODS:
            if (request := getattr(self, method)) is not None:
                return request  # type: ignore[no-any-return]
        return None


METHODS = tuple(name for name in Command.model_fields if name != "id")


def decode(frame: str | bytes) -> Iterator[Command | None]:
    """Yield the commands of a frame, in order; None is a pong.

    Raises:
        MalformedFrameError: a line is not a JSON object or has no usable ``id``, or the frame is empty.
            The commands before that line have been yielded.
    """
    if not frame.strip():
        raise MalformedFrameError("the frame is empty")
    for line in frame.split("\n") if isinstance(frame, str) else frame.split(b"\n"):
        if line.strip():
            yield _decode_one(line)


def _decode_one(line: str | bytes) -> Command | None:
    if line.strip() in {PING, PING.decode()}:
        return None
    try:
        message = strict_json.decode(line)
    except ValueError as error:
        raise MalformedFrameError(str(error)) from None
    try:
        return Command.model_validate(message)
    except ValidationError as error:
        raise MalformedFrameError(_first_fault(error)) from None


def _first_fault(error: ValidationError) -> str:
    detail = error.errors(include_url=False, include_input=False)[0]
    return ": ".join([*map(str, detail["loc"]), detail["msg"]])


Result = dict[str, Any]
"""The result of a command, for `reply`; its publications and snapshots are already encoded."""


def reply(command: Command, method: str, result: Mapping[str, Any] | None = None) -> bytes:
    """The reply to a command that was served."""
    return orjson.dumps({"id": command.id, method: result or {}})


def error_reply(command: Command, error: Error) -> bytes:
    """The reply to a command that failed."""
    described: Result = {"code": error.code, "message": error.message}
    if error.temporary:
        described["temporary"] = True
    return orjson.dumps({"id": command.id, "error": described})


def publication_prefix(channel: str) -> str:
    """The beginning of every push of a publication of ``channel``."""
    return f'{{"push":{{"channel":{orjson.dumps(channel).decode()},"pub":{{"offset":'


def publication(prefix: str, offset: int, data: str) -> bytes:
    """A push of one publication; ``prefix`` is the `publication_prefix` of its channel.

    ``data`` is JSON text and is inserted unchanged. Every event takes this path, and joining strings takes
    0.17 µs where `orjson.Fragment` takes 0.43.
    """
    return f'{prefix}{offset},"data":{data}}}}}}}'.encode()


def unsubscribed(channel: str, why: Unsubscribe) -> bytes:
    """A push that reports why the server has ended a subscription."""
    return orjson.dumps(
        {"push": {"channel": channel, "unsubscribe": {"code": why.code, "reason": why.reason}}}
    )


def disconnected(why: Disconnect) -> bytes:
    """A push that reports why the server ends a stream, which has no close code."""
    described = {"code": why.code, "reason": why.reason, "reconnect": why.reconnects}
    return orjson.dumps({"push": {"disconnect": described}})


def expiry(ttl_s: int | None) -> Result:
    """The fields about a token that expires in ``ttl_s`` seconds; there are none if it never expires."""
    return {} if ttl_s is None else {"expires": True, "ttl": min(ttl_s, MAX_TTL_S)}


def connected(
    *,
    client: str,
    session: str,
    node: str,
    ping_s: int,
    ttl_s: int | None,
    subscriptions: Mapping[str, Result],
) -> Result:
    """The result of a connect; ``subscriptions`` are results of `subscription`, by channel."""
    return {
        "client": client,
        "version": "herald",
        **expiry(ttl_s),
        "ping": ping_s,
        "pong": True,
        "session": session,
        "node": node,
        "subs": subscriptions,
    }


def subscription(
    *,
    offset: int,
    epoch: str,
    recovering: bool,
    publications: Iterable[tuple[int, str]] | None = None,
    snapshot: str | bytes | None = None,
    ttl_s: int | None = None,
) -> Result:
    """The result of a subscribe, and of each server-side subscription within a connect.

    ``publications`` are the missed ones, offset and JSON text; None if the position was not recovered.
    ``snapshot`` is JSON text.
    """
    result: Result = {"recoverable": True, "positioned": True, "offset": offset, "epoch": epoch}
    result |= expiry(ttl_s)
    if recovering:
        result["was_recovering"] = True
    if publications is not None:
        result["recovered"] = True
        if missed := _publications(publications):
            result["publications"] = missed
    if snapshot is not None:
        result["data"] = orjson.Fragment(snapshot)
    return result


def history(*, offset: int, epoch: str, publications: Iterable[tuple[int, str]]) -> Result:
    """The result of a history; the publications are offsets and JSON texts."""
    return {"offset": offset, "epoch": epoch, "publications": _publications(publications)}


def _publications(publications: Iterable[tuple[int, str]]) -> list[Result]:
    return [{"offset": offset, "data": orjson.Fragment(data)} for offset, data in publications]
