"""Whatever the order of events, a subscriber gets every publication once, in order and without a gap.

The hub is the real one. Redis and MongoDB are models, and the test decides the order of their steps: Redis
publishes, the pub/sub connection delivers, the hub flushes, and replies to the hub's requests arrive.
"""

import asyncio
import json
from collections.abc import Callable, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from herald.server.hub import codes
from herald.server.hub.channel import Message, Start, Subscription
from herald.server.hub.codes import ProtocolError
from herald.server.hub.frame import Frame
from herald.server.hub.hub import Hub
from herald.shared.feed.feed import History, Position, Publication
from tests.support.fakes import hub_on

CHANNEL = "tasks#ada"
EPOCH = "e"
HISTORY = 6


class World:
    """A model of MongoDB, Redis and the follower; writers write to MongoDB first."""

    def __init__(self) -> None:
        self.published = 0
        self.handed_over = 0
        self.gates: list[asyncio.Future[None]] = []
        self.hub: Hub

    async def gate(self) -> None:
        """Wait until the test lets this reply through."""
        opened = asyncio.get_running_loop().create_future()
        self.gates.append(opened)
        await opened

    # Called by the hub, as its feed and its follower

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

    # Called by the test

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
    """Records the start of a subscription and the publications after it."""

    def __init__(self, *, takes_bytes: bool) -> None:
        self.start: Start | None = None
        self.offsets: list[int] = []
        self.direct_write: Callable[[bytes], object] | None = self._take_bytes if takes_bytes else None

    def _take_bytes(self, data: bytes) -> None:
        self._take(data[4 if data[1] == 126 else 2 :])  # behind the WebSocket frame's header

    def _take(self, data: bytes) -> list[int]:
        assert self.start is not None, "a publication came before the reply"
        offsets = [json.loads(line)["push"]["pub"]["offset"] for line in data.split(b"\n")]
        self.offsets += offsets
        return offsets

    def deliver(self, frame: Frame, messages: Sequence[Message]) -> None:
        assert self._take(frame.data) == [message.offset for message in messages]

    def lost_position(self, subscription: Subscription) -> None:
        raise AssertionError


async def play(actions: list[str], recover_from: list[int | None], before: int) -> None:
    world = World()
    hub = world.hub = hub_on(world, world.snapshot)
    for _ in range(before):
        world.publish()
    world.handed_over = before  # all of them arrived before the first subscriber
    clients: list[tuple[Client, int | None, asyncio.Task[None]]] = []

    async def join(client: Client, recover: Position | None) -> None:
        subscription, client.start = await hub.subscribe(CHANNEL, client, recover=recover)
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
    if start.missed is not None:
        assert asked is not None
        first, known = asked, [publication.offset for publication in start.missed]
    else:
        assert start.snapshot is not None
        assert int(start.snapshot) >= start.position.offset, "the snapshot is older than its position"
        first, known = start.position.offset, []
    assert known + client.offsets == list(range(first + 1, newest + 1))


actions = st.lists(st.sampled_from(["publish", "hand over", "answer", "flush", "join"]), max_size=60)


@settings(max_examples=400, deadline=None)
@given(actions, st.lists(st.none() | st.integers(0, 12), min_size=1, max_size=4), st.integers(0, 8))
def test_no_publication_is_missing_or_delivered_twice(
    actions: list[str], recover_from: list[int | None], before: int
) -> None:
    asyncio.run(play(actions, recover_from, before))


class Patient(Client):
    """A client that may lose its position."""

    def lost_position(self, subscription: Subscription) -> None:
        pass


async def join(world: World, client: Client, recover: Position | None = None) -> Subscription:
    """Subscribe, with every reply let through at once."""
    joining = asyncio.create_task(world.hub.subscribe(CHANNEL, client, recover=recover))
    while not joining.done():
        await asyncio.sleep(0)
        world.answer()
    subscription, client.start = joining.result()
    subscription.begin()
    return subscription


def a_world(kind: type[World] = World) -> World:
    world = kind()
    world.hub = hub_on(world, world.snapshot)
    return world


async def test_a_subscribe_fails_if_its_position_becomes_void_in_the_meantime() -> None:
    world = a_world()
    joining = asyncio.create_task(world.hub.subscribe(CHANNEL, Patient(takes_bytes=False), recover=None))
    await asyncio.sleep(0)
    world.answer()  # the position, which becomes void below
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
    world.hub._flushed_at = asyncio.get_running_loop().time() + 60  # delays the next flush
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
            return History(position, [])  # like a new Redis server that the follower has not reached yet

    client = Client(takes_bytes=False)
    await join(a_world(Replaced), client, Position(0, "newer"))
    assert client.start is not None and client.start.missed is None
