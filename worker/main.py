"""``arq worker.main.WorkerSettings``: the worker process."""

import logging
import os
import socket
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

from arq import Retry, cron, func
from arq.connections import RedisSettings
from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from shared.feed import Feed
from shared.models import now
from shared.queue import JOB_NAME, QUEUE_NAME, Queue, arq_redis, deserialize, serialize
from shared.settings import Settings, load_for_service
from shared.store import Store
from worker import runtime  # noqa: F401  puts its worker in ARQ's place
from worker.generators import GENERATORS
from worker.llm.gemini import GeminiProvider
from worker.llm.offline import OfflineProvider
from worker.llm.provider import Provider
from worker.run import Parts, RetryLaterError, run_task

log = logging.getLogger(__name__)

ARQ_TIMEOUT_MARGIN_S = 30
"""ARQ's timeout is the last resort: the attempt's own comes first, and ends in a clear state."""
OUTAGE_RETRY_S = 3.0
FORGOTTEN_AFTER = timedelta(seconds=15)
UNLIMITED_TRIES = 1_000_000
"""Attempts are counted in MongoDB; ARQ's own count must not end a task."""


async def startup(ctx: dict[str, Any]) -> None:
    """Open what the tasks need, once: ARQ's worker starts anew after each loss of Redis."""
    if "parts" in ctx:
        return
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("arq").propagate = False  # ARQ's command line gives it a handler of its own
    settings: Settings = ctx["settings"]
    stack = ctx["stack"] = AsyncExitStack()
    store = await stack.enter_async_context(Store.connect(settings))
    await store.ensure_indexes()
    feed = await stack.enter_async_context(Feed.connect(settings))
    ctx["queue"] = Queue(ctx["redis"])
    provider: Provider = OfflineProvider(settings.offline_words_per_second)
    if settings.gemini_api_key is not None:
        provider = await stack.enter_async_context(GeminiProvider.connect(settings))
    worker_id = f"{socket.gethostname()}:{os.getpid()}"
    ctx["parts"] = Parts(settings, store, feed, provider, worker_id, GENERATORS)
    log.info("worker %s generates with %s", worker_id, type(provider).__name__)


async def shutdown(ctx: dict[str, Any]) -> None:
    """Close it again."""
    if "stack" in ctx:
        await ctx["stack"].aclose()


async def run_job(ctx: dict[str, Any], task_id: str) -> None:
    """The one job: run an attempt of a task. To ARQ it raises nothing but `Retry`."""
    try:
        await run_task(task_id, ctx["parts"])
    except RetryLaterError as later:
        raise Retry(defer=later.delay_s) from None
    except (PyMongoError, RedisError, OSError) as error:
        log.warning("task %s waits, a service does not answer: %s", task_id, error)
        raise Retry(defer=OUTAGE_RETRY_S) from None
    except Exception:
        log.exception("task %s could not be run", task_id)


async def reconcile(ctx: dict[str, Any]) -> None:
    """Queue again what MongoDB says has not ended and Redis has lost."""
    parts: Parts = ctx["parts"]
    queue: Queue = ctx["queue"]
    try:
        async for tasks in parts.store.active(unchanged_since=now() - FORGOTTEN_AFTER):
            for task in await queue.missing(tasks):
                if await queue.enqueue(task):
                    log.warning("task %s was not in the queue, queued it again", task.task_id)
    except (PyMongoError, RedisError, OSError) as error:
        log.warning("could not look for forgotten tasks: %s", error)


_settings = load_for_service()


class WorkerSettings:
    """What ``arq`` reads."""

    functions = [  # noqa: RUF012  ARQ's way
        func(
            run_job,
            name=JOB_NAME,
            timeout=_settings.task_timeout_s + ARQ_TIMEOUT_MARGIN_S,
            max_tries=UNLIMITED_TRIES,
        )
    ]
    cron_jobs = [cron(reconcile, second={0, 15, 30, 45}, run_at_startup=True)]  # noqa: RUF012
    on_startup = startup
    on_shutdown = shutdown
    ctx = {"settings": _settings}  # noqa: RUF012
    queue_name = QUEUE_NAME
    redis_pool = arq_redis(_settings)
    redis_settings = RedisSettings.from_dsn(_settings.redis_url)  # for `arq --check`
    job_serializer = serialize
    job_deserializer = deserialize
    max_jobs = _settings.max_jobs
    keep_result = 0
    health_check_interval = 15
    log_results = False
