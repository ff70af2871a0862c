"""``/metrics``: what the processes have counted, and what MongoDB and Redis know of the queue."""

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
            401, "send `Authorization: Bearer <HERALD_METRICS_TOKEN>`", headers={"WWW-Authenticate": "Bearer"}
        )
    found = await _facts(dependencies)
    return Response(
        metrics.exposition(dependencies.settings, found), headers={"Content-Type": metrics.CONTENT_TYPE}
    )


async def _facts(dependencies: Dependencies) -> list[GaugeMetricFamily]:
    """Gauges that every process tells alike; those of a service that does not answer are missing."""
    up = GaugeMetricFamily("herald_up", "Whether a service behind Herald answers", labels=["service"])
    parts = await asyncio.gather(_of_mongo(dependencies), _of_redis(dependencies), return_exceptions=True)
    for service, part in zip(("mongo", "redis"), parts, strict=True):
        if isinstance(part, BaseException) and not isinstance(
            part, PyMongoError | RedisError | OSError | TimeoutError
        ):
            raise part
        up.add_metric([service], float(not isinstance(part, BaseException)))
    up.add_metric(["feed"], float(dependencies.hub.connected))
    return [up, *(gauge for part in parts if not isinstance(part, BaseException) for gauge in part)]


async def _of_mongo(dependencies: Dependencies) -> list[GaugeMetricFamily]:
    active = GaugeMetricFamily("herald_tasks_active", "Tasks that have not ended", labels=["type", "status"])
    async with asyncio.timeout(READ_WITHIN_S):
        census = await dependencies.store.stats.active_counts()
    for group in census:
        active.add_metric([group.type, group.status], group.tasks)
    wait = GaugeMetricFamily(
        "herald_queue_oldest_wait_seconds",
        "How long the task has waited that has waited longest",
        oldest_wait_s(census, now()),
    )
    return [active, wait]


async def _of_redis(dependencies: Dependencies) -> list[GaugeMetricFamily]:
    async with asyncio.timeout(READ_WITHIN_S):
        depth, workers = await dependencies.queue.length(), await dependencies.heartbeats.workers()
        capacity = await dependencies.heartbeats.capacity()
    return [
        GaugeMetricFamily("herald_queue_depth", "Jobs that may be taken now", depth),
        GaugeMetricFamily("herald_workers", "Workers that live", len(workers)),
        GaugeMetricFamily("herald_worker_slots", "Tasks that they can run at once", capacity.slots),
        GaugeMetricFamily("herald_tasks_running", "Tasks that they run", capacity.running),
    ]


ROUTES: list[BaseRoute] = [Route("/metrics", scrape, methods=["GET"])]
