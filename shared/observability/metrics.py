"""Every Prometheus metric that Herald's processes record, and the text that ``/metrics`` serves.

Processes that share a directory (``PROMETHEUS_MULTIPROC_DIR``) each expose the sums over all of them. The
client library reads that variable when it is imported, so it must be set before the process starts.
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

# Tasks

TRANSITIONS = Counter(
    "herald_task_transitions", "Status changes of tasks, by the status they entered", ["type", "status"]
)
START_SECONDS = Histogram(
    "herald_task_start_seconds",
    "Time from queued to the first attempt (queue wait)",
    ["type"],
    buckets=_QUICK,
)
RUN_SECONDS = Histogram(
    "herald_task_run_seconds", "Time from the first attempt to completion", ["type"], buckets=_LONG
)
STEP_SECONDS = Histogram(
    "herald_step_seconds", "Duration of completed steps", ["type", "step"], buckets=_LONG
)
RETRIES = Counter("herald_task_retries", "Failed attempts that will be retried", ["type", "reason"])
FAILURES = Counter("herald_task_failures", "Tasks that failed, by reason", ["type", "reason"])
LEASES_LOST = Counter("herald_leases_lost", "Attempts stopped because another worker took over their task")
THREADS_ABANDONED = Counter(
    "herald_threads_abandoned", "Synchronous steps that were cancelled, and whose threads were left to end"
)
ATTEMPTS_ABANDONED = Counter(
    "herald_attempts_abandoned", "Attempts whose code did not end when it was cancelled"
)
REQUEUED = Counter("herald_tasks_requeued", "Tasks that were missing from Redis and were queued again")
UNREADABLE = Counter("herald_documents_unreadable", "Stored documents skipped because they could not be read")
TOKENS = Counter(
    "herald_model_tokens",
    "Tokens read (input) and written (output) by models",
    ["provider", "model", "direction"],
)
COST_USD = Counter(
    "herald_model_cost_usd", "Cost of model calls in US dollars, at list prices", ["provider", "model"]
)

# The feed

PUBLISHED = Counter("herald_feed_published", "Messages published to channels")
RECEIVED = Counter("herald_feed_received", "Messages received over pub/sub")
GAPS_FILLED = Counter(
    "herald_feed_gaps_filled", "Times that missed messages were read back from a channel's history"
)
RESETS = Counter(
    "herald_feed_resets", "Times that a channel's history was lost and its position became invalid"
)
RECONNECTS = Counter(
    "herald_feed_reconnects", "Times that the pub/sub connection was lost or could not be opened"
)

# The hub

CONNECTIONS = Gauge(
    "herald_connections", "Clients connected right now", ["transport"], multiprocess_mode="livesum"
)
SUBSCRIPTIONS = Gauge("herald_subscriptions", "Active subscriptions right now", multiprocess_mode="livesum")
FORWARDED = Counter("herald_hub_forwarded", "Messages that had at least one subscriber on this hub")
DELIVERIES = Counter("herald_hub_deliveries", "Messages delivered, counted once per connection")
CONFLATED = Counter(
    "herald_hub_conflated", "Progress messages dropped for slow connections because a newer one replaced them"
)
DISCONNECTS = Counter("herald_hub_disconnects", "Connections closed by the hub, by reason", ["reason"])
RECOVERIES = Counter(
    "herald_hub_recoveries", "Subscriptions that tried to recover missed messages", ["recovered"]
)

# HTTP

REQUESTS = Counter("herald_http_requests", "HTTP requests answered", ["method", "route", "status"])
REQUEST_SECONDS = Histogram(
    "herald_http_request_seconds",
    "Time from an HTTP request to its response headers",
    ["method", "route"],
    buckets=_QUICK,
)


class GaugesAtScrape(Collector):
    """Metrics that were read from a database for this scrape."""

    def __init__(self, gauges: Iterable[Metric]) -> None:
        self._gauges = list(gauges)

    def collect(self) -> list[Metric]:
        """The metrics, for the registry."""
        return self._gauges


def exposition(settings: Settings, gauges: Iterable[Metric] = ()) -> bytes:
    """All metrics in Prometheus' text format, together with ``gauges``.

    Covers this process alone, or all processes that share ``settings.metrics_dir``.
    """
    registry = CollectorRegistry()
    registry.register(GaugesAtScrape(gauges))
    if settings.metrics_dir is None:
        return generate_latest(registry) + generate_latest(REGISTRY)
    _drop_gauges_of_ended_processes(settings.metrics_dir)
    MultiProcessCollector(registry, str(settings.metrics_dir))  # type: ignore[no-untyped-call]
    return generate_latest(registry)


def _drop_gauges_of_ended_processes(directory: Path) -> None:
    """Drop the gauges of processes that have ended, even of killed ones; their counters stay."""
    for file in directory.glob("gauge_live*_*.db"):
        pid = int(file.stem.rpartition("_")[2])
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            mark_process_dead(pid, str(directory))  # type: ignore[no-untyped-call]
        except PermissionError:
            pass  # alive, and owned by another user
