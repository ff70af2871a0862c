"""What the endpoints work with, opened once a process."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import NamedTuple

from starlette.requests import HTTPConnection

from server.auth import Authenticator
from server.hub.hub import Hub
from server.revocation import Revocations
from shared.events import user_channel
from shared.feed import Feed
from shared.models import now
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
    hub: Hub
    revocations: Revocations


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

        async def snapshot(channel: str) -> str:
            return await read_snapshot(channel, store, settings)

        authenticator = Authenticator(settings)
        hub = await stack.enter_async_context(Hub.open(feed, snapshot))
        revocations = await stack.enter_async_context(Revocations.open(feed, hub, authenticator))
        yield Services(settings, authenticator, store, feed, queue, hub, revocations)


async def read_snapshot(channel: str, store: Store, settings: Settings) -> str:
    """Where a channel's subscribers start from: ``{"tasks": [active ones, and those that ended lately]}``."""
    ended_after = now() - timedelta(seconds=settings.snapshot_recent_s)
    kind, _, name = channel.partition(":")
    if kind == "task":
        tasks = await store.snapshot(task_id=name, ended_after=ended_after)
    elif kind == "brand":
        tasks = await store.snapshot(brand_id=name, ended_after=ended_after)
    else:
        tasks = await store.snapshot(user_id=channel.removeprefix(user_channel("")), ended_after=ended_after)
    encoded = (task.model_dump_json(by_alias=True, exclude_none=True) for task in tasks)
    return f'{{"tasks":[{",".join(encoded)}]}}'


def services_of(connection: HTTPConnection) -> Services:
    """The services of the application that serves ``connection``."""
    services: Services = connection.state.services
    return services
