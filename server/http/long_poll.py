"""Long polling: holds a request until its response changes (RFC 7240, ``Prefer: wait``)."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress

from starlette.requests import Request
from starlette.responses import Response

from herald.server.dependencies import dependencies_of
from herald.server.http.problems import Problem
from herald.server.http.requests import principal_of
from herald.server.hub.channel import Message, Subscription
from herald.server.hub.codes import ProtocolError
from herald.server.hub.frame import Frame
from herald.server.hub.hub import Hub

MAX_WAIT_S = 60
LOOK_EVERY_S = 1.0
"""How often to check whether the client is still connected, and whether this process is stopping."""
RETRY_AFTER_S = 5
UNCHANGED = 304


async def until_changed(
    request: Request, channel: str, answer: Callable[[], Awaitable[Response]]
) -> Response:
    """Return the response of ``answer``; while that is 304, hold the request.

    ``answer`` is called again after each publication on ``channel``. The request is held for at most the
    seconds in its ``Prefer: wait=…``; without that header, or without ``If-None-Match``, it is not held.

    Raises:
        Problem: 429; the user already has as many held requests as they may have connections.
    """
    wait_s = _wait_s(request)
    response = await answer()
    if not wait_s or response.status_code != UNCHANGED:
        return response
    dependencies, user_id = dependencies_of(request), (await principal_of(request)).user_id
    until = asyncio.get_running_loop().time() + wait_s
    try:
        async with (
            _counted(dependencies.held_requests, user_id, dependencies.settings.max_connections_per_user),
            _changes(dependencies.hub, channel) as changed,
        ):
            response = await answer()  # again: it may have changed before we listened
            while response.status_code == UNCHANGED and await _wait_for_change(changed, request, until):
                response = await answer()
    except ProtocolError:
        return response  # the channel cannot be followed now; the client will poll again
    response.headers["Preference-Applied"] = f"wait={wait_s}"
    return response


async def _wait_for_change(changed: asyncio.Event, request: Request, until: float) -> bool:
    """Wait for a change; False if none came in time, the client has left, or the hub is stopping."""
    dependencies, loop = dependencies_of(request), asyncio.get_running_loop()
    polling = dependencies.settings.centrifugo_api_url is not None
    while not changed.is_set():
        left_s = until - loop.time()
        if left_s <= 0 or dependencies.hub.draining or await request.is_disconnected():
            return False
        with suppress(TimeoutError):
            await asyncio.wait_for(changed.wait(), min(left_s, LOOK_EVERY_S))
        if polling:
            break  # events go through Centrifugo and never reach this hub, so MongoDB is polled
    changed.clear()
    return True


def _wait_s(request: Request) -> int:
    preferences = ", ".join(request.headers.getlist("prefer"))
    match = re.search(r"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,6})", preferences)
    return min(int(match[1]), MAX_WAIT_S) if match else 0


@asynccontextmanager
async def _counted(held: Counter[str], user_id: str, limit: int) -> AsyncIterator[None]:
    """Count a user's request as held until the block ends.

    Raises:
        Problem: 429; the user already has ``limit`` held requests.
    """
    if held[user_id] >= limit:
        detail = f"You already have {limit} held requests; let one of them end, or omit `Prefer: wait`"
        raise Problem(429, detail, headers={"Retry-After": str(RETRY_AFTER_S)})
    held[user_id] += 1
    try:
        yield
    finally:
        held[user_id] -= 1
        if not held[user_id]:
            del held[user_id]


@asynccontextmanager
async def _changes(hub: Hub, channel: str) -> AsyncIterator[asyncio.Event]:
    """Follow ``channel`` until the block ends; each publication sets the event that is yielded."""
    listener = _Listener()
    subscription, _ = await hub.subscribe(channel, listener, recover=None, with_snapshot=False)
    subscription.begin()
    try:
        yield listener.changed
    finally:
        hub.leave(subscription)


class _Listener:
    """A receiver that only notices whether something was published."""

    direct_write: Callable[[bytes], object] | None = None

    def __init__(self) -> None:
        self.changed = asyncio.Event()

    def deliver(self, _: Frame, __: Sequence[Message]) -> None:
        self.changed.set()

    def lost_position(self, subscription: Subscription) -> None:
        subscription.sent = 0  # offsets may start again from 1
        self.changed.set()
