"""A worker with one short job, in mode ``stock`` (ARQ) or ``herald``; publishes each start and end."""

import asyncio
import sys
from types import SimpleNamespace
from typing import Any

import arq.worker
from arq import func
from arq.connections import ArqRedis
from redis.asyncio import ConnectionPool

from herald.shared.feed.feed import Feed
from herald.shared.queue.jobs import JOB_NAME, deserialize, serialize
from herald.shared.queue.queue import QUEUE_NAME
from tests.support.client import PERSONAS

mode, slots, job_s, redis_url = sys.argv[1:]


async def short(ctx: dict[str, Any], number: str) -> None:
    redis: ArqRedis = ctx["redis"]
    await redis.publish("bench:start", number)
    await asyncio.sleep(float(job_s))
    await redis.publish("bench:end", number)


async def equip(ctx: dict[str, Any]) -> None:
    from herald.shared.queue.leases import Leases, TypeLimits
    from herald.shared.settings import Settings
    from herald.worker.attempts import RunningAttempts

    ctx["dependencies"] = SimpleNamespace(
        leases=Leases(ctx["redis"], "bench", user_limit=0, types={str(PERSONAS["type"]): TypeLimits()}),
        running=RunningAttempts(),
        feed=Feed(ctx["redis"]),
        settings=Settings(redis_url=redis_url, worker_grace_s=0),
    )
    ctx["duties"] = []


if mode == "herald":
    from herald.worker.engine import arq_worker as runtime  # noqa: F401  replaces ARQ's worker

arq.worker.Worker(
    [func(short, name=JOB_NAME, max_tries=1_000_000)],
    queue_name=QUEUE_NAME,
    redis_pool=ArqRedis(
        ConnectionPool.from_url(redis_url), job_serializer=serialize, job_deserializer=deserialize
    ),
    on_startup=equip if mode == "herald" else None,
    job_serializer=serialize,
    job_deserializer=deserialize,
    max_jobs=int(slots),
    keep_result=0,
    log_results=False,
).run()
