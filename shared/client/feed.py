"""Reads a channel over the WebSocket, with the official client, which recovers missed messages."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any, NamedTuple

import centrifuge

from herald.shared.client.connection import Connection
from herald.shared.client.errors import Unavailable

CONNECT_WITHIN_S = 10.0
HISTORY_PAGE = 10
"""Messages per request for the history; as many fit into the hub's outbox even if each is a task of 64 KB."""
_AGAIN_AFTER_S = 0.2


class RefusedError(Exception):
    """The hub has ended the subscription, or the connection, for good; the message is its reason."""


class Subscribed(NamedTuple):
    """The start of a subscription, and its new start after messages were missed that are no longer kept."""

    tasks: list[Any]
    """The snapshot: the current state of each task."""
    earlier: list[dict[str, Any]]
    """The messages before the snapshot that are still kept, if they were asked for."""
    cursor: str | None
    """If not all tasks fit into the snapshot: where their list continues."""


class _Published(NamedTuple):
    offset: int
    data: dict[str, Any]


class _Handler(centrifuge.ClientEventHandler, centrifuge.SubscriptionEventHandler):  # type: ignore[misc]
    """Queues the events of a subscription, and the reason that ends it."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Any] = asyncio.Queue()
        self.last_error: object = None

    async def on_subscribed(self, context: Any) -> None:
        self.queue.put_nowait(context)

    async def on_publication(self, context: Any) -> None:
        self.queue.put_nowait(_Published(context.pub.offset, context.pub.data))

    async def on_unsubscribed(self, context: Any) -> None:
        reason = getattr(context, "reason", "the token no longer permits it")
        self.queue.put_nowait(RefusedError(f"The hub ended the subscription: {reason}"))

    async def on_disconnected(self, context: Any) -> None:
        self.queue.put_nowait(RefusedError(f"The hub closed the connection: {context.reason}"))

    async def on_error(self, context: Any) -> None:
        self.last_error = context.error


class _OnlyConnection(centrifuge.ClientEventHandler):  # type: ignore[misc]
    """Ignores the user's own channel, which every connection gets; passes on what concerns the connection."""

    def __init__(self, handler: _Handler) -> None:
        self.on_disconnected = handler.on_disconnected
        self.on_error = handler.on_error


async def messages(
    connection: Connection, channel: str | None, *, replay: bool = False
) -> AsyncGenerator[Subscribed | dict[str, Any], None]:
    """The messages on ``channel``, by default the user's own, until the caller stops.

    Args:
        connection: the Herald to connect to.
        channel: the name of the channel.
        replay: whether `Subscribed` has the earlier messages; only with a ``channel``.

    Raises:
        RefusedError: see there.
        Unavailable: no connection could be made at first. A connection that is lost is made again.
    """
    handler = _Handler()
    token = connection.token
    client = centrifuge.Client(
        f"{connection.url.replace('http', 'ws', 1)}/connection/websocket",
        events=_OnlyConnection(handler) if channel else handler,
        token=await token.current(),
        get_token=token.renew if token.renewable else None,
        max_reconnect_delay=5.0,
    )
    subscription = client.new_subscription(channel, events=handler) if channel else None
    seen = centrifuge.StreamPosition(0, "")
    try:
        event = await _first(client, subscription, handler, connection)
        while True:
            match event:
                case RefusedError():
                    raise event
                case _Published(offset, data):
                    seen = centrifuge.StreamPosition(offset, seen.epoch)
                    yield data
                case _ if not event.recovered:  # otherwise the missed messages follow
                    position = event.stream_position or centrifuge.StreamPosition(0, "")
                    earlier = await _between(seen, position, subscription, client) if replay else []
                    seen = position
                    snapshot = event.data or {}
                    yield Subscribed(snapshot.get("tasks", []), earlier, snapshot.get("after"))
            event = await handler.queue.get()
    finally:
        await client.disconnect()


async def _first(client: Any, subscription: Any, handler: _Handler, connection: Connection) -> Any:
    """Connect, and wait for the first event."""
    within_s = max(connection.retry_for, CONNECT_WITHIN_S)
    try:
        async with asyncio.timeout(within_s):
            if subscription is not None:
                await subscription.subscribe()
            await client.connect()
            return await handler.queue.get()
    except TimeoutError:
        reason = f" ({handler.last_error})" if handler.last_error else ""
        raise Unavailable(
            f"No WebSocket to {connection.url} within {within_s:g} s{reason}; does a proxy block it?"
        ) from None


async def _between(seen: Any, position: Any, subscription: Any, client: Any) -> list[dict[str, Any]]:
    """The messages after ``seen`` up to ``position`` that are still kept."""
    offset = seen.offset if seen.epoch == position.epoch else 0
    found: list[dict[str, Any]] = []
    while offset < position.offset:
        since = centrifuge.StreamPosition(offset, position.epoch)
        try:
            page = (await subscription.history(limit=HISTORY_PAGE, since=since)).publications
        except centrifuge.CentrifugeError as error:
            if _is_final(error, subscription, client):
                break
            await asyncio.sleep(_AGAIN_AFTER_S)
            continue
        if not page:
            break
        found += [each.data for each in page if each.offset <= position.offset]
        offset = page[-1].offset
    return found


def _is_final(error: Exception, subscription: Any, client: Any) -> bool:
    """Whether a request that has failed cannot succeed later either."""
    if isinstance(error, centrifuge.ReplyError):
        return not error.temporary
    ended = subscription.state is centrifuge.SubscriptionState.UNSUBSCRIBED
    return ended or client.state is centrifuge.ClientState.DISCONNECTED
