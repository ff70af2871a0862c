"""Traces across browser, web process, worker and model (W3C Trace Context), with OpenTelemetry.

Every task belongs to a trace: that of the request that created it, or a new one. The trace id is always in
the logs and events. Spans are recorded only if an exporter is configured.
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
    """Export the spans of this process as ``herald-<service>``, if an OTLP endpoint is configured."""
    if settings.otlp_endpoint is None or _recording():
        return
    # Imported here because they are slow to import, and most processes have no exporter.
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
    """Run the block in a span.

    Args:
        name: the span's name.
        within: the ``traceparent`` of the parent. If missing or malformed, the current span is the parent.
        new: start a trace if there is no parent, even when no exporter is configured.
        kind: the span's kind.
        attributes: the span's attributes; ``task_id`` is recorded as ``herald.task_id``. None is left out.
    """
    context = _propagator.extract({"traceparent": within}) if within else None
    if new and not _recording() and not trace.get_current_span(context).get_span_context().is_valid:
        context = trace.set_span_in_context(_unrecorded(), context)
    given = {f"herald.{key}": value for key, value in attributes.items() if value is not None}
    started = trace.get_tracer("herald").start_span(name, context=context, kind=kind, attributes=given)
    with trace.use_span(started, end_on_exit=True):
        yield


def _unrecorded() -> NonRecordingSpan:
    """The root of a trace whose spans are not recorded."""
    return NonRecordingSpan(
        SpanContext(secrets.randbits(128) or 1, secrets.randbits(64) or 1, is_remote=False)
    )


def traceparent() -> str | None:
    """The current span as a ``traceparent`` header; None outside a trace."""
    carrier: dict[str, str] = {}
    _propagator.inject(carrier)
    return carrier.get("traceparent")


def trace_id() -> str | None:
    """The id of the current trace, as 32 hexadecimal digits; None outside a trace."""
    context = trace.get_current_span().get_span_context()
    return trace.format_trace_id(context.trace_id) if context.is_valid else None
