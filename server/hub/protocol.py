"""The client protocol, pure: text of a frame in, commands out; results in, text out. No I/O.

It is the JSON encoding of the Centrifuge bidirectional client protocol. A frame holds one or more JSON
objects, separated by line breaks; an empty object is a ping (from the server) or a pong (from the client).
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from herald.server import strict_json
from herald.server.hub.codes import Disconnect, Error, Unsubscribe

PING = "{}"
REJECT_UNRECOVERED = 2
"""The bit of a subscribe's ``flag`` that asks for an error where a position cannot be recovered."""
MAX_NUMBER = 2**63 - 1
"""The largest offset and limit that Redis can be asked for."""
MAX_TTL_S = 365 * 24 * 3600
"""The longest ``ttl`` that is reported: it has to fit into 32 bits, or some clients disconnect for good."""


class MalformedFrameError(Exception):
    """A frame that is not of the protocol."""


class _Message(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, fields: Any) -> Any:
        """Treat null as missing, as JSON of Protocol Buffers does."""
        if not isinstance(fields, dict):
            return fields
        return {name: value for name, value in fields.items() if value is not None}


def _whole(value: Any) -> Any:
    """JavaScript writes whole numbers from 1e21 on as floats, of which pydantic takes only small ones."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Number = Annotated[int, BeforeValidator(_whole)]


class StreamPosition(_Message):
    """A place in a channel's history."""

    offset: Number = Field(0, ge=0)
    epoch: str = ""


class SubscribeRequest(_Message):
    """Ask for a channel; with ``recover``, for what was published after a position as well."""

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
    """A filter of publications by their tags, which ours do not have."""


class ConnectRequest(_Message):
    """The first command of a connection."""

    token: str = ""
    subs: dict[str, SubscribeRequest] = {}
    """The positions of the server-side subscriptions that the client had before."""


class UnsubscribeRequest(_Message):
    """Give a channel up."""

    channel: str


class HistoryRequest(_Message):
    """Read a channel's publications: ``limit`` of them, all if negative, 0 for the position alone."""

    channel: str
    limit: Number = 0
    since: StreamPosition | None = None
    reverse: bool = False


class RefreshRequest(_Message):
    """Stay connected with a newer token."""

    token: str


class SubRefreshRequest(_Message):
    """Stay subscribed with a newer subscription token."""

    channel: str
    token: str


class PingRequest(_Message):
    """Ask whether the server is there."""


class SendRequest(_Message):
    """A message to the server, which wants no reply."""


class NotOfferedRequest(_Message):
    """A command of the protocol that this hub does not offer."""


class Command(_Message):
    """One command; exactly one of its methods is set."""

    id: Number = Field(0, ge=0, le=2**32 - 1)
    """What the reply will have; 0 in a ``send``, which has none."""
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
        """The parameters; None if the method is unknown."""
        for method in METHODS:
            if (request := getattr(self, method)) is not None:
                return request  # type: ignore[no-any-return]
        return None


METHODS = tuple(name for name in Command.model_fields if name != "id")


def decode(frame: str | bytes) -> Iterator[Command | None]:
    """Yield the commands of a frame, in order; None is a pong.

    Raises:
        MalformedFrameError: a line is no JSON object, or has no usable ``id``, or there is no line at all.
            Commands before that line have been yielded.
    """
    if not frame.strip():
        raise MalformedFrameError("the frame is empty")
    for line in frame.split("\n") if isinstance(frame, str) else frame.split(b"\n"):
        if line.strip():
            yield _decode_one(line)


def _decode_one(line: str | bytes) -> Command | None:
    if line.strip() in {PING, PING.encode()}:
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


def reply(command: Command, method: str, result: str = "{}") -> str:
    """The answer to a command that was served; ``result`` is JSON text."""
    return f'{{"id":{command.id},"{method}":{result}}}'


def refreshed(command: Command, method: str, ttl_s: int | None) -> str:
    """The answer to a refresh or a sub_refresh."""
    return reply(command, method, _compact(expiry(ttl_s)))


def error_reply(command: Command, error: Error) -> str:
    """The answer to a command that was not."""
    described: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.temporary:
        described["temporary"] = True
    return _compact({"id": command.id, "error": described})


def publication_prefix(channel: str) -> str:
    """How every push of a publication of ``channel`` begins."""
    return f'{{"push":{{"channel":{json.dumps(channel)},"pub":{{"offset":'


def publication(prefix: str, offset: int, data: str) -> str:
    """A push of one publication; ``data`` is JSON text and goes in as it is."""
    return f'{prefix}{offset},"data":{data}}}}}}}'


def unsubscribed(channel: str, why: Unsubscribe) -> str:
    """A push that the server has ended a subscription."""
    push = {"channel": channel, "unsubscribe": {"code": why.code, "reason": why.reason}}
    return _compact({"push": push})


def disconnected(why: Disconnect) -> str:
    """A push that the server ends the connection, where there is no close code to carry it."""
    described = {"code": why.code, "reason": why.reason, "reconnect": why.reconnects}
    return _compact({"push": {"disconnect": described}})


def expiry(ttl_s: int | None) -> dict[str, Any]:
    """The fields that tell a client in how many seconds it has to come with a new token; None is never."""
    return {} if ttl_s is None else {"expires": True, "ttl": min(ttl_s, MAX_TTL_S)}


def connected(
    *, client: str, session: str, node: str, ping_s: int, ttl_s: int | None, subscriptions: dict[str, str]
) -> str:
    """The result of a connect; ``subscriptions`` are results of `subscription`, by channel."""
    described = {
        "client": client,
        "version": "herald",
        **expiry(ttl_s),
        "ping": ping_s,
        "pong": True,
        "session": session,
        "node": node,
    }
    subs = ",".join(f"{json.dumps(channel)}:{result}" for channel, result in subscriptions.items())
    return f'{_compact(described)[:-1]},"subs":{{{subs}}}}}'


def subscription(
    *,
    offset: int,
    epoch: str,
    recovering: bool,
    recovered: bool,
    publications: Sequence[tuple[int, str]] = (),
    snapshot: str | None = None,
    ttl_s: int | None = None,
) -> str:
    """The result of a subscribe, and of each server-side subscription within a connect.

    The data of ``publications``, and ``snapshot``, are JSON text.
    """
    described: dict[str, Any] = {"recoverable": True, "positioned": True, "offset": offset, "epoch": epoch}
    described |= expiry(ttl_s)
    if recovering:
        described["was_recovering"] = True
    if recovered:
        described["recovered"] = True
    parts = [_compact(described)[:-1]]
    if publications:
        parts.append(f'"publications":{_publications(publications)}')
    if snapshot is not None:
        parts.append(f'"data":{snapshot}')
    return ",".join(parts) + "}"


def history(*, offset: int, epoch: str, publications: Sequence[tuple[int, str]]) -> str:
    """The result of a history; the publications' data is JSON text."""
    described = _compact({"offset": offset, "epoch": epoch})[:-1]
    return f'{described},"publications":{_publications(publications)}}}'


def _publications(publications: Iterable[tuple[int, str]]) -> str:
    return "[" + ",".join(f'{{"offset":{at},"data":{data}}}' for at, data in publications) + "]"


def _compact(message: dict[str, Any]) -> str:
    return json.dumps(message, separators=(",", ":"))
