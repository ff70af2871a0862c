"""The worker process, started by ``arq herald.worker.main.WorkerSettings``."""

import logging
from contextlib import AsyncExitStack
from typing import Any

from arq import Retry, func
from prometheus_client import start_http_server
from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from herald.shared.observability import logs, tracing
from herald.shared.queue.heartbeats import BEAT_EVERY_S
from herald.shared.queue.jobs import JOB_NAME, deserialize, serialize
from herald.shared.queue.queue import arq_redis, arq_settings
from herald.shared.settings import Settings, load_for_service
from herald.shared.tasks.documents import UnreadableError
from herald.worker.dependencies import Dependencies, open_dependencies
from herald.worker.engine.arq_worker import JobNote
from herald.worker.engine.attempt import run_task
from herald.worker.engine.claims import OTHER_VERSION_AFTER_S, RunAgainError
from herald.worker.engine.duties import Duty
from herald.worker.maintenance.leader import leader_of
from herald.worker.registration import KEEP_EVERY_S

log = logging.getLogger(__name__)

ARQ_TIMEOUT_S = 365 * 24 * 3600
"""Attempts have a time limit of their own, which leaves the task in a clear state; ARQ's is of no use."""
OUTAGE_RETRY_S = 3.0
COMPARE_EVERY_S = 0.8
"""How often running attempts are compared with MongoDB, in case the signal of a cancel was lost."""
UNLIMITED_TRIES = 1_000_000
"""Attempts are counted in MongoDB; ARQ's own count must not end a task."""


async def startup(ctx: dict[str, Any]) -> None:
    """Open the dependencies and list the duties for `herald.worker.engine.arq_worker.Worker`.

    Raises:
        pymongo.errors.PyMongoError: MongoDB cannot be reached, or refuses an index.
    """
    settings: Settings = ctx["settings"]
    logs.set_up(settings)
    tracing.set_up(settings, "worker")
    if settings.worker_metrics_port is not None:
        start_http_server(settings.worker_metrics_port)
    logging.getLogger("arq").handlers.clear()  # ARQ's command line has added its own
    stack = ctx["stack"] = AsyncExitStack()
    dependencies = await stack.enter_async_context(open_dependencies(settings, ctx["redis"]))
    leader = leader_of(dependencies)
    stack.push_async_callback(leader.resign)
    ctx["dependencies"] = dependencies
    ctx["duties"] = [
        Duty("comparing attempts", COMPARE_EVERY_S, lambda: compare_with_mongo(dependencies)),
        Duty("heartbeat", BEAT_EVERY_S, lambda: beat(dependencies)),
        Duty("keeping task types", KEEP_EVERY_S, lambda: keep_types(dependencies)),
        *leader.duties(),
    ]
    model = "Gemini" if dependencies.settings.gemini_api_key is not None else "offline drafts"
    types = ", ".join(dependencies.task_types) or "no task types"
    log.info("worker %s is ready, with %s, for %s", dependencies.worker_id, model, types)


async def shutdown(ctx: dict[str, Any]) -> None:
    """Close everything again."""
    if "stack" in ctx:
        await ctx["stack"].aclose()


async def compare_with_mongo(dependencies: Dependencies) -> None:
    """Stop attempts that are no longer running according to MongoDB: cancelled, or taken over."""
    running = dependencies.running
    if attempts := running.now():
        task_ids = [attempt.task_id for attempt in attempts]
        running.stop_superseded(attempts, await dependencies.store.queries.running_attempts(task_ids))


async def beat(dependencies: Dependencies) -> None:
    """Report that this worker is alive, and how busy it is."""
    await dependencies.heartbeats.beat(
        dependencies.worker_id,
        slots=dependencies.settings.max_jobs,
        running=len(dependencies.running.now()),
        types={name: loaded.digest for name, loaded in dependencies.task_types.items()},
    )


async def keep_types(dependencies: Dependencies) -> None:
    """Record that this worker is online, so that no other application takes its types over."""
    await dependencies.store.task_types.keep(dependencies.task_types)


async def run_job(ctx: dict[str, Any], task_id: str) -> None:
    """ARQ's only job: run an attempt at a task.

    Raises:
        arq.Retry: the job stays in the queue. No other exception reaches ARQ.
    """
    job_id = ctx["job_id"]
    note: JobNote = ctx["jobs"][job_id]
    try:
        await run_task(task_id, ctx["dependencies"], job=job_id, was_lost=note.was_lost)
    except RunAgainError as again:
        note.due_in_s = again.due_in_s
    except UnreadableError:  # already logged; the job stays for a version that can read the task
        note.due_in_s = OTHER_VERSION_AFTER_S
    except (PyMongoError, RedisError, OSError) as error:
        log.warning("postponed task %s because a service is unreachable: %s", task_id, error)
        note.due_in_s = OUTAGE_RETRY_S
    except Exception:
        # The rescuer enqueues the task again, until its deadline.
        log.exception("could not run task %s", task_id)
        return
    else:
        return
    raise Retry


_settings = load_for_service()


class WorkerSettings:
    """The settings that the ``arq`` command reads."""

    functions = [  # noqa: RUF012  ARQ reads class attributes
        func(
            run_job,
            name=JOB_NAME,
            timeout=ARQ_TIMEOUT_S,
            max_tries=UNLIMITED_TRIES,
        )
    ]
    on_startup = startup
    on_shutdown = shutdown
    ctx = {"settings": _settings}  # noqa: RUF012
    redis_pool = arq_redis(_settings)
    queue_name = redis_pool.default_queue_name
    redis_settings = arq_settings(_settings)  # for `arq --check`
    job_serializer = serialize
    job_deserializer = deserialize
    max_jobs = _settings.max_jobs
    keep_result = 0
    health_check_interval = 15
    log_results = False
