"""``/metrics``: the processes' counters, and gauges of tasks, queue and workers from MongoDB and Redis."""

import asyncio

from prometheus_client.metrics_core import GaugeMetricFamily
from pymongo.errors import PyMongoError
from redis.exceptions import RedisError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from herald.server.dependencies import Dependencies, dependencies_of
from herald.server.http.problems import Problem
from herald.server.http.requests import bearer_token, is_secret
from herald.shared.observability import metrics
from herald.shared.tasks.models import now
from herald.shared.tasks.stats import oldest_wait_s

READ_WITHIN_S = 3.0


async def scrape(request: Request) -> Response:
    """``GET /metrics`` in Prometheus' text format."""
    dependencies = dependencies_of(request)
    wanted = dependencies.settings.metrics_token
    if wanted and not is_secret(bearer_token(request) or "", wanted):
        raise Problem(
            401, "Send `Authorization: Bearer <HERALD_METRICS_TOKEN>`", headers={"WWW-Authenticate": "Bearer"}
        )
    gauges = await _gauges(dependencies)
    return Response(
        metrics.exposition(dependencies.settings, gauges), headers={"Content-Type": metrics.CONTENT_TYPE}
    )


async def _gauges(dependencies: Dependencies) -> list[GaugeMetricFamily]:
    """Gauges that are the same in every process; those of a service that does not respond are left out."""
    up = GaugeMetricFamily(
        "herald_up", "Whether a service that Herald depends on responds (1) or not (0)", labels=["service"]
    )
    parts = await asyncio.gather(
        _mongo_gauges(dependencies), _redis_gauges(dependencies), return_exceptions=True
    )
    for service, part in zip(("mongo", "redis"), parts, strict=True):
        if isinstance(part, BaseException) and not isinstance(
            part, PyMongoError | RedisError | OSError | TimeoutError
        ):
            raise part
        up.add_metric([service], float(not isinstance(part, BaseException)))
    up.add_metric(["feed"], float(dependencies.hub.connected))
    return [up, *(gauge for part in parts if not isinstance(part, BaseException) for gauge in part)]


async def _mongo_gauges(dependencies: Dependencies) -> list[GaugeMetricFamily]:
    active = GaugeMetricFamily(
        "herald_tasks_active", "Active tasks (queued, processing, retrying)", labels=["type", "status"]
    )
    async with asyncio.timeout(READ_WITHIN_S):
        groups = await dependencies.store.stats.active_counts()
    for group in groups:
        active.add_metric([group.type, group.status], group.tasks)
    wait = GaugeMetricFamily(
        "herald_queue_oldest_wait_seconds",
        "Queue wait of the task that has been queued longest",
        oldest_wait_s(groups, now()),
    )
    return [active, wait]


async def _redis_gauges(dependencies: Dependencies) -> list[GaugeMetricFamily]:
    async with asyncio.timeout(READ_WITHIN_S):
        depth, workers = await dependencies.queue.length(), await dependencies.heartbeats.workers()
        capacity = await dependencies.heartbeats.capacity()
    return [
        GaugeMetricFamily("herald_queue_depth", "Jobs that are ready to run", depth),
        GaugeMetricFamily("herald_workers", "Workers with a recent heartbeat", len(workers)),
        GaugeMetricFamily("herald_worker_slots", "Tasks that all workers can run at once", capacity.slots),
        GaugeMetricFamily("herald_tasks_running", "Tasks running now", capacity.running),
    ]


ROUTES: list[BaseRoute] = [Route("/metrics", scrape, methods=["GET"])]
