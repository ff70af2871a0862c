"""``arq herald.worker.main.WorkerSettings``: the worker process."""

import logging
import os
import secrets
import socket
from contextlib import AsyncExitStack
from typing import Any

from arq import Retry, func
from prometheus_client import start_http_server
from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from herald.shared.feed.announcer import Announcer
from herald.shared.feed.feed import Feed
from herald.shared.observability import logs, tracing
from herald.shared.queue.durations import Durations
from herald.shared.queue.heartbeats import BEAT_EVERY_S, Heartbeats
from herald.shared.queue.jobs import JOB_NAME, deserialize, serialize
from herald.shared.queue.leases import Leases
from herald.shared.queue.queue import QUEUE_NAME, Queue, arq_redis, arq_settings
from herald.shared.redis.leadership import Leadership
from herald.shared.settings import Settings, load_for_service
from herald.shared.tasks.documents import UnreadableError
from herald.shared.tasks.store import Store
from herald.worker.engine.arq_worker import Duty, Equipment
from herald.worker.engine.attempt import OTHER_VERSION_AFTER_S, Parts, RunAgainError, run_task
from herald.worker.engine.attempts import Runs, stop_superseded
from herald.worker.llm.gemini import GeminiProvider
from herald.worker.llm.offline import OfflineProvider
from herald.worker.llm.provider import Provider
from herald.worker.maintenance import rescuer as reconcile
from herald.worker.tasks import GENERATORS

log = logging.getLogger(__name__)

ARQ_TIMEOUT_MARGIN_S = 30
"""ARQ's timeout is the last resort: the attempt's own comes first, and ends in a clear state."""
OUTAGE_RETRY_S = 3.0
COMPARE_EVERY_S = 0.8
"""How often MongoDB is asked whether what runs shall run on: a cancel's signal may be lost."""
UNLIMITED_TRIES = 1_000_000
"""Attempts are counted in MongoDB; ARQ's own count must not end a task."""


async def startup(ctx: dict[str, Any]) -> None:
    """Open what the tasks need.

    Raises:
        pymongo.errors.PyMongoError: MongoDB cannot be reached, or refuses an index.
    """
    settings: Settings = ctx["settings"]
    logs.set_up(settings)
    tracing.set_up(settings, "worker")
    if settings.worker_metrics_port is not None:
        start_http_server(settings.worker_metrics_port)
    logging.getLogger("arq").handlers.clear()  # its command line has given it one of its own
    stack = ctx["stack"] = AsyncExitStack()
    store = await stack.enter_async_context(Store.connect(settings))
    await store.ensure_indexes()
    feed = await stack.enter_async_context(Feed.connect(settings))
    provider: Provider = OfflineProvider(settings.offline_words_per_second)
    if settings.gemini_api_key is not None:
        provider = await stack.enter_async_context(GeminiProvider.connect(settings))
    # Never the same twice: a container that starts again has the host name and process number it had before.
    worker_id = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"
    redis, runs = ctx["redis"], Runs()
    parts = Parts(
        settings=settings,
        store=store,
        feed=feed,
        announcer=Announcer(store, feed),
        durations=Durations(redis),
        provider=provider,
        worker_id=worker_id,
        generators=GENERATORS,
        runs=runs,
    )
    heartbeats = Heartbeats(redis)
    repairs = reconcile.Reconcile(parts, Queue(redis), heartbeats)

    async def compare_with_mongo() -> None:
        if attempts := runs.now():
            stop_superseded(attempts, await store.attempts([attempt.task_id for attempt in attempts]))

    async def beat() -> None:
        await heartbeats.beat(worker_id, slots=settings.max_jobs, running=len(runs.now()))

    ctx["parts"] = parts
    ctx["heartbeats"] = heartbeats
    ctx["leadership"] = Leadership(redis, worker_id)
    ctx["equipment"] = Equipment(
        leases=Leases(redis, worker_id, user_limit=settings.max_running_per_user),
        runs=runs,
        feed=feed,
        grace_s=settings.worker_grace_s,
        duties=[
            Duty(COMPARE_EVERY_S, compare_with_mongo),
            Duty(BEAT_EVERY_S, beat),
            Duty(reconcile.EVERY_S, repairs.reconcile),
            Duty(reconcile.REINDEX_EVERY_S, repairs.reindex),
            Duty(reconcile.POSITIONS_EVERY_S, repairs.tell_positions),
        ],
    )
    log.info("worker %s generates with %s", worker_id, type(provider).__name__)


async def shutdown(ctx: dict[str, Any]) -> None:
    """Close it again."""
    if "parts" in ctx:
        await ctx["heartbeats"].leave(ctx["parts"].worker_id)
        await ctx["leadership"].resign(reconcile.DUTIES)
    if "stack" in ctx:
        await ctx["stack"].aclose()


async def run_job(ctx: dict[str, Any], task_id: str) -> None:
    """The one job: run an attempt of a task. To ARQ it raises nothing but `Retry`."""
    equipment, job_id = ctx["equipment"], ctx["job_id"]
    try:
        await run_task(task_id, ctx["parts"], job=job_id, was_lost=job_id in equipment.were_lost)
    except RunAgainError as again:
        due_in_s = again.due_in_s
    except UnreadableError:  # it has been logged; it stays in the queue for a version that can read it
        due_in_s = OTHER_VERSION_AFTER_S
    except (PyMongoError, RedisError, OSError) as error:
        log.warning("task %s waits, a service does not answer: %s", task_id, error)
        due_in_s = OUTAGE_RETRY_S
    except Exception:
        # The reconcile queues it again, until it is overdue.
        log.exception("task %s could not be run", task_id)
        return
    else:
        return
    equipment.due_in_s[job_id] = due_in_s
    raise Retry


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
    on_startup = startup
    on_shutdown = shutdown
    ctx = {"settings": _settings}  # noqa: RUF012
    queue_name = QUEUE_NAME
    redis_pool = arq_redis(_settings)
    redis_settings = arq_settings(_settings)  # for `arq --check`
    job_serializer = serialize
    job_deserializer = deserialize
    max_jobs = _settings.max_jobs
    keep_result = 0
    health_check_interval = 15
    log_results = False
