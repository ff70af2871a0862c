"""The parts of the web process that its endpoints use, opened once per process."""

import gc
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import NamedTuple

from starlette.requests import HTTPConnection

from herald.server.admin.overview import OverviewReader
from herald.server.admin.publisher import OverviewPublisher
from herald.server.admission import Admission
from herald.server.auth.authorizer import HubAuthorizer
from herald.server.auth.revocation import Revocations
from herald.server.auth.verify import TokenVerifier
from herald.server.hub.connection import Connection
from herald.server.hub.hub import Hub
from herald.server.hub.transports.transport import Transport
from herald.server.snapshots import Snapshots
from herald.server.task_types import TaskTypes
from herald.shared.feed.announcer import Announcer
from herald.shared.feed.feed import Feed
from herald.shared.queue.heartbeats import Heartbeats
from herald.shared.queue.queue import Queue
from herald.shared.settings import Settings
from herald.shared.tasks.events import conflation_key
from herald.shared.tasks.store import Store
from herald.shared.tokens import TokenIssuer


class Dependencies(NamedTuple):
    """Everything that an endpoint may need."""

    settings: Settings
    verifier: TokenVerifier
    issuer: TokenIssuer
    store: Store
    feed: Feed
    queue: Queue
    heartbeats: Heartbeats
    admission: Admission
    hub: Hub
    connect: Callable[[Transport], Connection]
    """Connects a client to the hub over its transport."""
    held_requests: Counter[str]
    """The number of long polls in progress, by user."""
    revocations: Revocations
    overviews: OverviewReader
    snapshots: Snapshots
    task_types: TaskTypes


@asynccontextmanager
async def open_dependencies(settings: Settings) -> AsyncIterator[Dependencies]:
    """Open every part, and close them in reverse order when the block ends.

    Raises:
        pymongo.errors.PyMongoError: MongoDB cannot be reached, or refuses an index.
    """
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(Store.connect(settings))
        await store.ensure_indexes()
        feed = await stack.enter_async_context(Feed.connect(settings))
        queue = await stack.enter_async_context(Queue.connect(settings))

        heartbeats = Heartbeats(queue.redis)
        admission = Admission(settings, store, queue, heartbeats, Announcer(store, feed))
        overviews = OverviewReader(store, queue, heartbeats)
        snapshots = Snapshots(
            store,
            admission.with_estimates,
            overviews,
            recent_s=settings.snapshot_recent_s,
            max_bytes=settings.max_outbox_bytes * 3 // 4,  # leaves room in the outbox of a slow client
        )
        verifier = TokenVerifier(settings)
        hub = await stack.enter_async_context(Hub.open(feed, snapshots.read, conflation_key))
        authorizer = HubAuthorizer(verifier, store)
        revocations = await stack.enter_async_context(Revocations.open(feed, hub, verifier.revoked, store))
        task_types = await stack.enter_async_context(TaskTypes.open(hub, store, heartbeats))
        await stack.enter_async_context(OverviewPublisher.open(hub, feed, heartbeats, overviews))
        _tune_garbage_collection()
        yield Dependencies(
            settings=settings,
            verifier=verifier,
            issuer=TokenIssuer(settings),
            store=store,
            feed=feed,
            queue=queue,
            heartbeats=heartbeats,
            admission=admission,
            hub=hub,
            connect=partial(Connection, hub=hub, authorizer=authorizer, settings=settings),
            held_requests=Counter(),
            revocations=revocations,
            overviews=overviews,
            snapshots=snapshots,
            task_types=task_types,
        )


def _tune_garbage_collection() -> None:
    """Collect garbage less often, and leave out the objects that live as long as the process.

    Thousands of connections mean many objects but little garbage. With the default thresholds, the collector
    would take much of the time of each connect.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def dependencies_of(connection: HTTPConnection) -> Dependencies:
    """The dependencies of the application that serves ``connection``."""
    dependencies: Dependencies = connection.state.dependencies
    return dependencies
