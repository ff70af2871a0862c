"""What the endpoints work with, opened once a process."""

import gc
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import NamedTuple

from starlette.requests import HTTPConnection

from server.auth import Authenticator
from server.board import Board
from server.hub.hub import Hub
from server.hub.snapshots import Snapshots
from server.overview import Overviews
from server.revocation import Revocations
from server.waiting import WaitingRoom
from shared.announcer import Announcer
from shared.feed import Feed
from shared.fleet import Fleet
from shared.queue import Queue
from shared.settings import Settings
from shared.store import Store


class Services(NamedTuple):
    """The parts that an endpoint may need."""

    settings: Settings
    authenticator: Authenticator
    store: Store
    feed: Feed
    queue: Queue
    fleet: Fleet
    waiting: WaitingRoom
    hub: Hub
    revocations: Revocations
    overviews: Overviews
    snapshots: Snapshots


@asynccontextmanager
async def open_services(settings: Settings) -> AsyncIterator[Services]:
    """Open every part, and close them in the opposite order.

    Raises:
        pymongo.errors.PyMongoError: MongoDB cannot be reached, or refuses an index.
    """
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(Store.connect(settings))
        await store.ensure_indexes()
        feed = await stack.enter_async_context(Feed.connect(settings))
        queue = await stack.enter_async_context(Queue.connect(settings))

        fleet = Fleet(queue.redis)
        waiting = WaitingRoom(settings, store, queue, fleet, Announcer(store, feed))
        overviews = Overviews(store, queue, fleet)
        snapshots = Snapshots(
            store,
            waiting.placed,
            overviews,
            recent_s=settings.snapshot_recent_s,
            most_bytes=settings.max_outbox_bytes * 3 // 4,  # a client that reads slowly can still take it
        )
        authenticator = Authenticator(settings)
        hub = await stack.enter_async_context(Hub.open(feed, snapshots.read))
        revocations = await stack.enter_async_context(Revocations.open(feed, hub, authenticator, store))
        await stack.enter_async_context(Board.open(hub, fleet, overviews))
        _calm_the_collector()
        yield Services(
            settings=settings,
            authenticator=authenticator,
            store=store,
            feed=feed,
            queue=queue,
            fleet=fleet,
            waiting=waiting,
            hub=hub,
            revocations=revocations,
            overviews=overviews,
            snapshots=snapshots,
        )


def _calm_the_collector() -> None:
    """Let the garbage collector look less often, and never at what lives as long as the process.

    Thousands of connections are many objects and little garbage: at its default pace it would spend a
    good part of each connect on going through all of them.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def services_of(connection: HTTPConnection) -> Services:
    """The services of the application that serves ``connection``."""
    services: Services = connection.state.services
    return services
