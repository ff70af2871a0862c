"""What Herald counts, for Prometheus: every metric of every process, with what it means.

Processes that share a directory (``PROMETHEUS_MULTIPROC_DIR``) show their sums, whichever of them is asked.
The library decides that when it is imported, so the variable has to be there before.
"""

import os
from collections.abc import Iterable
from pathlib import Path

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from herald.shared.settings import Settings

CONTENT_TYPE = CONTENT_TYPE_LATEST
_QUICK = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_LONG = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600)

# The life of tasks

TRANSITIONS = Counter("herald_task_transitions", "Tasks that have entered a status", ["type", "status"])
START_SECONDS = Histogram(
    "herald_task_start_seconds", "From being queued to the first attempt", ["type"], buckets=_QUICK
)
RUN_SECONDS = Histogram(
    "herald_task_run_seconds", "From the first attempt to completion", ["type"], buckets=_LONG
)
STEP_SECONDS = Histogram("herald_step_seconds", "What steps take", ["type", "step"], buckets=_LONG)
RETRIES = Counter("herald_task_retries", "Attempts that failed and are made again", ["type", "reason"])
FAILURES = Counter("herald_task_failures", "Tasks that have failed", ["type", "reason"])
LEASES_LOST = Counter("herald_leases_lost", "Attempts that found their task taken over by another worker")
REQUEUED = Counter("herald_tasks_requeued", "Tasks that Redis had lost, and the reconcile put back")
UNREADABLE = Counter(
    "herald_documents_unreadable", "Times that a stored document could not be read and was passed over"
)
TOKENS = Counter(
    "herald_model_tokens", "Tokens that models have read and written", ["provider", "model", "direction"]
)
COST_USD = Counter(
    "herald_model_cost_usd", "What models have cost, at the known prices", ["provider", "model"]
)

# The feed

PUBLISHED = Counter("herald_feed_published", "Messages published to channels")
RECEIVED = Counter("herald_feed_received", "Messages that have come in by pub/sub")
GAPS_FILLED = Counter("herald_feed_gaps_filled", "Times that missed messages were read from the history")
RESETS = Counter("herald_feed_resets", "Times that a channel's history was gone, and its position void")
RECONNECTS = Counter(
    "herald_feed_reconnects", "Times that the pub/sub connection was lost, or could not be made"
)

# The hub

CONNECTIONS = Gauge("herald_connections", "Clients connected now", ["transport"], multiprocess_mode="livesum")
SUBSCRIPTIONS = Gauge("herald_subscriptions", "Subscriptions now", multiprocess_mode="livesum")
FORWARDED = Counter("herald_hub_forwarded", "Messages that had subscribers here")
DELIVERIES = Counter("herald_hub_deliveries", "Messages handed to connections, once for each of them")
CONFLATED = Counter("herald_hub_conflated", "Progress that a slow connection was spared, since newer came")
DISCONNECTS = Counter("herald_hub_disconnects", "Connections that the hub has closed", ["reason"])
RECOVERIES = Counter(
    "herald_hub_recoveries", "Subscriptions that asked for what they had missed", ["recovered"]
)

# HTTP

REQUESTS = Counter("herald_http_requests", "Requests answered", ["method", "route", "status"])
REQUEST_SECONDS = Histogram(
    "herald_http_request_seconds",
    "From a request to the head of its answer",
    ["method", "route"],
    buckets=_QUICK,
)


class Facts(Collector):
    """Metrics that are read when they are asked for, because a database knows them."""

    def __init__(self, found: Iterable[Metric]) -> None:
        self._found = list(found)

    def collect(self) -> list[Metric]:
        """What was found."""
        return self._found


def exposition(settings: Settings, found: Iterable[Metric] = ()) -> bytes:
    """All metrics in Prometheus' text format: this process's, or those of all that share the directory."""
    registry = CollectorRegistry()
    registry.register(Facts(found))
    if settings.metrics_dir is None:
        return generate_latest(registry) + generate_latest(REGISTRY)
    _forget_the_dead(settings.metrics_dir)
    MultiProcessCollector(registry, str(settings.metrics_dir))  # type: ignore[no-untyped-call]
    return generate_latest(registry)


def _forget_the_dead(directory: Path) -> None:
    """Drop the gauges of processes that have ended, whatever they have died of; what they counted stays."""
    for file in directory.glob("gauge_live*_*.db"):
        pid = int(file.stem.rpartition("_")[2])
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            mark_process_dead(pid, str(directory))  # type: ignore[no-untyped-call]
        except PermissionError:
            pass  # it lives
