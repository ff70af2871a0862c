"""Whatever the order in which things happen, a subscriber gets every publication once, in order, without a hole.

The hub is the real one. What it talks to is a model whose every step the test orders: Redis publishes, the
pub/sub connection hands over, the hub flushes, and each answer that a subscribe waits for comes when it may.
"""

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from herald.server.auth.principal import Principal
from herald.server.hub import codes
from herald.server.hub.codes import ProtocolError
from herald.server.hub.frame import Frame
from herald.server.hub.hub import Hub, Message, Subscription
from herald.shared.feed.feed import History, Position, Publication

CHANNEL = "tasks#ada"
EPOCH = "e"
HISTORY = 6


class World:
    """MongoDB, Redis and the follower, in a few lines; MongoDB is written first."""

    def __init__(self) -> None:
        self.published = 0
        self.handed_over = 0
        self.gates: list[asyncio.Future[None]] = []
        self.hub: Hub

    async def gate(self) -> None:
        """Wait until the test lets this answer through."""
        opened = asyncio.get_running_loop().create_future()
        self.gates.append(opened)
        await opened

    # What the hub asks of the feed and of the follower

    async def since(self, _: str, position: Position) -> History | None:
        await self.gate()
        newest = self.published
        await self.gate()
        if position.epoch != EPOCH or not newest - HISTORY <= position.offset <= newest:
            return None
        found = [Publication(offset, str(offset)) for offset in range(position.offset + 1, newest + 1)]
        return History(Position(newest, EPOCH), found)

    async def positions(self, _: Sequence[str]) -> dict[str, Position]:
        raise NotImplementedError

    async def follow(self, _: str) -> Position:
        await self.gate()
        return Position(self.handed_over, EPOCH)

    def unfollow(self, _: str) -> None:
        pass

    async def snapshot(self, _: str) -> str:
        await self.gate()
        state = str(self.published)
        await self.gate()
        return state

    # What the test orders

    def publish(self) -> None:
        self.published += 1

    def hand_over(self) -> None:
        if self.handed_over < self.published:
            self.handed_over += 1
            self.hub._on_publication(CHANNEL, Publication(self.handed_over, str(self.handed_over)))

    def answer(self) -> None:
        if self.gates:
            self.gates.pop(0).set_result(None)


class Client:
    """What a client has seen: the state it started from, and the publications after that."""

    session = ""
    principal: Principal | None = None

    def __init__(self, *, takes_bytes: bool) -> None:
        self.start: dict[str, Any] | None = None
        self.offsets: list[int] = []
        self.fast: Callable[[bytes], object] | None = self._take_bytes if takes_bytes else None

    def _take_bytes(self, data: bytes) -> None:
        self._take(data[4 if data[1] == 126 else 2 :].decode())  # behind the WebSocket frame's header

    def _take(self, text: str) -> list[int]:
        assert self.start is not None, "a publication came before the reply"
        told = [json.loads(line)["push"]["pub"]["offset"] for line in text.split("\n")]
        self.offsets += told
        return told

    def feed(self, frame: str | bytes) -> None:
        raise NotImplementedError

    def deliver(self, frame: Frame, messages: Sequence[Message]) -> None:
        assert self._take(frame.text) == [message.offset for message in messages]

    def lost_position(self, subscription: Subscription) -> None:
        raise AssertionError

    def disconnect(self, why: codes.Disconnect) -> None:
        raise AssertionError


async def play(actions: list[str], recover_from: list[int | None], before: int) -> None:
    world = World()
    hub = world.hub = Hub(world, world.snapshot)  # type: ignore[arg-type]
    hub._follower = world  # type: ignore[assignment]
    for _ in range(before):
        world.publish()
    world.handed_over = before  # it was so when the channel was followed first
    clients: list[tuple[Client, int | None, asyncio.Task[None]]] = []

    async def join(client: Client, recover: Position | None) -> None:
        subscription = await hub.subscribe(CHANNEL, client, recover=recover)
        client.start = json.loads(subscription.result)
        subscription.begin()

    waiting = list(recover_from)
    orders = {
        "publish": world.publish,
        "hand over": world.hand_over,
        "answer": world.answer,
        "flush": hub._flush,
    }
    for action in [*actions, *["join"] * len(waiting)]:
        if action == "join":
            if waiting:
                offset = waiting.pop()
                client = Client(takes_bytes=len(clients) % 2 == 0)
                recover = None if offset is None else Position(offset, EPOCH)
                clients.append((client, offset, asyncio.create_task(join(client, recover))))
        else:
            orders[action]()
        for _ in range(3):
            await asyncio.sleep(0)
    while not all(task.done() for _, _, task in clients):
        world.answer()
        await asyncio.sleep(0)
    while world.handed_over < world.published:
        world.hand_over()
    hub._flush()
    for client, offset, task in clients:
        task.result()
        check(client, offset, world.published)


def check(client: Client, asked: int | None, newest: int) -> None:
    start = client.start
    assert start is not None
    if start.get("recovered"):
        assert asked is not None
        first, known = asked, [publication["offset"] for publication in start.get("publications", [])]
    else:
        # The snapshot is at least as new as the position that it came with.
        assert start["data"] >= start["offset"]
        first, known = start["offset"], []
    assert known + client.offsets == list(range(first + 1, newest + 1))


actions = st.lists(st.sampled_from(["publish", "hand over", "answer", "flush", "join"]), max_size=60)


@settings(max_examples=400, deadline=None)
@given(actions, st.lists(st.none() | st.integers(0, 12), min_size=1, max_size=4), st.integers(0, 8))
def test_no_hole_and_nothing_twice(actions: list[str], recover_from: list[int | None], before: int) -> None:
    asyncio.run(play(actions, recover_from, before))


class Patient(Client):
    """A client that may lose its position."""

    def lost_position(self, subscription: Subscription) -> None:
        pass


async def join(world: World, client: Client, recover: Position | None = None) -> Subscription:
    """Subscribe, with every answer let through at once."""
    joining = asyncio.create_task(world.hub.subscribe(CHANNEL, client, recover=recover))
    while not joining.done():
        await asyncio.sleep(0)
        world.answer()
    subscription = joining.result()
    client.start = json.loads(subscription.result)
    subscription.begin()
    return subscription


def a_world(kind: type[World] = World) -> World:
    world = kind()
    world.hub = Hub(world, world.snapshot)  # type: ignore[arg-type]
    world.hub._follower = world  # type: ignore[assignment]
    return world


async def test_a_subscribe_fails_if_the_position_is_lost_before_it_is_done() -> None:
    world = a_world()
    joining = asyncio.create_task(world.hub.subscribe(CHANNEL, Patient(takes_bytes=False), recover=None))
    await asyncio.sleep(0)
    world.answer()  # with the position, which is void from here on
    await asyncio.sleep(0)
    world.hub._on_reset(CHANNEL)
    while not joining.done():
        world.answer()
        await asyncio.sleep(0)
    assert isinstance(error := joining.exception(), ProtocolError) and error.error is codes.INTERNAL
    assert not world.hub.has_subscribers(CHANNEL)


async def test_publications_from_before_a_reset_reach_only_those_subscribed_before_it() -> None:
    world = a_world()
    before, after = Patient(takes_bytes=False), Client(takes_bytes=False)
    await join(world, before)
    world.hub._flushed_at = asyncio.get_running_loop().time() + 60  # so that the next flush is not yet
    world.publish()
    world.hand_over()
    world.hub._on_reset(CHANNEL)
    world.handed_over = world.published = 0
    await join(world, after)
    world.hub._flush()
    assert (before.offsets, after.offsets) == ([1], [])


async def test_only_positions_of_the_followed_epoch_are_recovered() -> None:
    class Replaced(World):
        async def since(self, _: str, position: Position) -> History:
            return History(position, [])  # as a Redis that the follower has not reached yet

    client = Client(takes_bytes=False)
    await join(a_world(Replaced), client, Position(0, "newer"))
    assert client.start is not None and "recovered" not in client.start
