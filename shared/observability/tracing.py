"""Traces across browser, web process, worker and model (W3C Trace Context), by OpenTelemetry.

Every task belongs to a trace: the one of the request that made it, or a new one. Its id is in the logs and
the events, whether or not spans are recorded; they are where an exporter is configured.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from herald.shared.settings import Settings

_propagator = TraceContextTextMapPropagator()


def set_up(settings: Settings, service: str) -> None:
    """Export the spans of this process, which is a ``service`` such as ``web``, if that is configured."""
    if settings.otlp_endpoint is None or _recording():
        return
    # They take a while to import, which a process without an exporter is spared.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: f"herald-{service}"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)


def _recording() -> bool:
    return not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


@contextmanager
def span(
    name: str,
    *,
    within: str | None = None,
    new: bool = False,
    kind: SpanKind = SpanKind.INTERNAL,
    **attributes: Any,
) -> Iterator[None]:
    """A span around the block.

    It is part of the trace ``within`` (a ``traceparent``), where that is given and can be read; or of the
    current one; or of none, and with ``new`` of a new one. ``attributes`` are written ``task_id`` here and
    ``herald.task_id`` there.
    """
    context = _propagator.extract({"traceparent": within}) if within else None
    if new and not _recording() and not trace.get_current_span(context).get_span_context().is_valid:
        context = trace.set_span_in_context(_unrecorded(), context)
    told = {f"herald.{key}": value for key, value in attributes.items() if value is not None}
    started = trace.get_tracer("herald").start_span(name, context=context, kind=kind, attributes=told)
    with trace.use_span(started, end_on_exit=True):
        yield


def _unrecorded() -> NonRecordingSpan:
    """The beginning of a trace that only we know of."""
    return NonRecordingSpan(
        SpanContext(secrets.randbits(128) or 1, secrets.randbits(64) or 1, is_remote=False)
    )


def traceparent() -> str | None:
    """Where we are, as the header that tells it to others; None outside of any trace."""
    carrier: dict[str, str] = {}
    _propagator.inject(carrier)
    return carrier.get("traceparent")


def trace_id() -> str | None:
    """The id of the current trace, as 32 hexadecimal digits."""
    context = trace.get_current_span().get_span_context()
    return trace.format_trace_id(context.trace_id) if context.is_valid else None
