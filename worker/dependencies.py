"""The dependencies of the engine and the maintenance duties, opened once per worker."""

import os
import secrets
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import NamedTuple

from arq.connections import ArqRedis

from herald.shared.feed.announcer import Announcer
from herald.shared.feed.feed import Feed
from herald.shared.queue.durations import Durations
from herald.shared.queue.heartbeats import Heartbeats
from herald.shared.queue.leases import Leases, TypeLimits
from herald.shared.queue.queue import Queue
from herald.shared.queue.recent_values import RecentValues
from herald.shared.settings import Settings
from herald.shared.task_api.task_type import TaskOptions
from herald.shared.tasks.store import Store
from herald.worker.attempts import RunningAttempts
from herald.worker.llm.offline import OfflineProvider
from herald.worker.llm.provider import Provider
from herald.worker.loaded import LoadedType
from herald.worker.registration import open_task_types
from herald.worker.threads import StepThreads


class Dependencies(NamedTuple):
    """Everything that an attempt or a maintenance duty may need."""

    settings: Settings
    worker_id: str
    store: Store
    feed: Feed
    announcer: Announcer
    queue: Queue
    leases: Leases
    heartbeats: Heartbeats
    values: RecentValues
    """The memory of earlier runs."""
    durations: Durations
    provider: Provider
    task_types: Mapping[str, LoadedType]
    """The task types that this worker runs, by name."""
    threads: StepThreads
    running: RunningAttempts

    @classmethod
    def assemble(
        cls,
        *,
        settings: Settings,
        store: Store,
        feed: Feed,
        redis: ArqRedis,
        provider: Provider,
        task_types: Mapping[str, LoadedType],
        worker_id: str,
    ) -> "Dependencies":
        """The dependencies of a worker that work on these parts, which stay the caller's to close."""
        values = RecentValues(redis)
        return cls(
            settings=settings,
            worker_id=worker_id,
            store=store,
            feed=feed,
            announcer=Announcer(store, feed),
            queue=Queue(redis),
            leases=Leases(
                redis,
                worker_id,
                user_limit=settings.max_running_per_user,
                types={name: _limits_of(loaded.type.options) for name, loaded in task_types.items()},
            ),
            heartbeats=Heartbeats(redis),
            values=values,
            durations=Durations(values),
            provider=provider,
            task_types=task_types,
            threads=StepThreads(),
            running=RunningAttempts(),
        )


@asynccontextmanager
async def open_dependencies(settings: Settings, redis: ArqRedis) -> AsyncIterator[Dependencies]:
    """Open all dependencies for the duration of the block.

    Args:
        settings: the worker's settings.
        redis: ARQ's client, for the queue; the feed has connections of its own.

    Raises:
        pymongo.errors.PyMongoError: MongoDB cannot be reached, or refuses an index.
        TaskModuleError: a module in ``HERALD_TASKS`` cannot be imported.
        MisuseError: the ``lifespan`` of such a module is not an async context manager.
    """
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(Store.connect(settings))
        await store.ensure_indexes()
        feed = await stack.enter_async_context(Feed.connect(settings))
        provider: Provider = OfflineProvider(settings.offline_words_per_second)
        if settings.gemini_api_key is not None:
            # google-genai takes a third of a second to import, which offline workers are spared.
            from herald.worker.llm.gemini import GeminiProvider  # noqa: PLC0415

            provider = await stack.enter_async_context(GeminiProvider.connect(settings))
        task_types = await stack.enter_async_context(open_task_types(settings.task_modules, store))
        dependencies = Dependencies.assemble(
            settings=settings,
            store=store,
            feed=feed,
            redis=redis,
            provider=provider,
            task_types=task_types,
            worker_id=_new_worker_id(),
        )
        stack.push_async_callback(dependencies.heartbeats.leave, dependencies.worker_id)
        yield dependencies


def _limits_of(options: TaskOptions) -> TypeLimits:
    return TypeLimits(options.concurrency, options.per_user, timeout_s=options.timeout)


def _new_worker_id() -> str:
    """A unique id. Host name and process id are not enough: a restarted container keeps both."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"
