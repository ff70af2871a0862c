"""One trace connects a request, the logs, the model calls and the events; its spans can be exported."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from herald.shared.feed.feed import Feed
from herald.shared.launcher.embedded import free_port
from herald.shared.settings import Settings
from herald.shared.tokens import TokenIssuer
from tests.support.client import BRAND_KIT, PERSONAS, Herald
from tests.support.gemini import gemini_server
from tests.support.metrics import scraped
from tests.support.processes import WORKER, environment, running, web
from tests.support.web import serving

TRACE = "0af7651916cd43dd8448eb211c80319c"
CAME_WITH = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}


async def until_ended(herald: Herald, task_id: str) -> dict[str, Any]:
    async with asyncio.timeout(60):
        while (task := (await herald.get(f"/api/jobs/{task_id}")).json()).get("completedAt") is None:
            await asyncio.sleep(0.05)
    return task  # type: ignore[no-any-return]


async def test_a_trace_reaches_the_logs_the_model_and_the_events(
    settings: Settings, feed: Feed, tmp_path: Path
) -> None:
    logs = {"web": tmp_path / "web.log", "worker": tmp_path / "worker.log"}
    port = free_port()
    async with gemini_server() as model:
        variables = {
            "HERALD_GEMINI_API_KEY": "a-key-of-gemini",
            "HERALD_GEMINI_BASE_URL": model.address,
            "HERALD_LOG_FORMAT": "json",
            "HERALD_WORKER_METRICS_PORT": str(port),
        }
        with (
            logs["web"].open("wb") as of_web,
            logs["worker"].open("wb") as of_worker,
            running(WORKER, environment(settings, **variables), stderr=of_worker),
        ):
            async with (
                web(settings, variables=variables, stderr=of_web) as address,
                Herald.at(address, TokenIssuer(settings)) as herald,
            ):
                task_id = (await herald.create(BRAND_KIT, headers=CAME_WITH))["taskId"]
                assert (await until_ended(herald, task_id))["status"] == "completed"
                counted = await scraped(f"127.0.0.1:{port}")
    events = [json.loads(one.data) for one in (await feed.history("tasks#ada", limit=1000)).publications]
    assert {event["traceparent"].split("-")[1] for event in events} == {TRACE}
    assert len(model.traceparents) == 3
    assert all(found and found.split("-")[1] == TRACE for found in model.traceparents)
    labels = 'model="gemini-3.8-flash",provider="gemini"'
    assert counted[f'herald_model_tokens_total{{direction="input",{labels}}}'] == 3 * 7
    assert counted[f'herald_model_tokens_total{{direction="output",{labels}}}'] == 3 * 6
    assert counted[f"herald_model_cost_usd_total{{{labels}}}"] > 0

    lines = {name: [json.loads(line) for line in log.read_text().splitlines()] for name, log in logs.items()}
    [accepted] = [line for line in lines["web"] if line.get("taskId") == task_id]
    assert (accepted["message"], accepted["traceId"], accepted["userId"]) == ("task is queued", TRACE, "ada")
    ours = [line for line in lines["worker"] if line.get("taskId") == task_id]
    assert [line["message"] for line in ours] == ["task is processing", "task is completed"]
    for line in ours:
        assert (line["traceId"], line["userId"], line["attempt"]) == (TRACE, "ada", 1)
        assert line["level"] == "info" and line["logger"] == "herald.shared.tasks.store" and line["by"]


async def test_a_missing_or_malformed_traceparent_starts_a_new_trace(herald: Herald, feed: Feed) -> None:
    for number, header in enumerate(({}, {"traceparent": "rubbish"}, {"traceparent": f"00-{'0' * 32}-1-01"})):
        task = await herald.create(PERSONAS, headers=header)
        assert "traceparent" not in task, "it is not public"
        published = (await feed.history("tasks#ada", since=number, limit=1)).publications
        started = json.loads(published[0].data)["traceparent"]
        assert re.fullmatch(r"00-(?!0{32})[0-9a-f]{32}-[0-9a-f]{16}-00", started)


class Collector:
    """Receives spans over OTLP/HTTP."""

    def __init__(self) -> None:
        self.address = ""
        self.spans: list[tuple[str, Any]] = []
        """Spans, each with the name of its service."""

    async def __call__(self, request: Request) -> Response:
        batch = ExportTraceServiceRequest.FromString(await request.body())
        for resource in batch.resource_spans:
            names = {one.key: one.value.string_value for one in resource.resource.attributes}
            for scope in resource.scope_spans:
                self.spans += [(names["service.name"], span) for span in scope.spans]
        return Response(ExportTraceServiceResponse().SerializeToString(), media_type="application/x-protobuf")


@asynccontextmanager
async def collector() -> AsyncIterator[Collector]:
    spans = Collector()
    app = Starlette(routes=[Route("/v1/traces", spans.__call__, methods=["POST"])])
    async with serving(app) as address:
        spans.address = f"http://{address}"
        yield spans


async def test_spans_are_exported_if_an_endpoint_is_configured(settings: Settings) -> None:
    async with collector() as collected:
        variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": collected.address, "OTEL_BSP_SCHEDULE_DELAY": "200"}
        with running(WORKER, environment(settings, **variables)):
            async with (
                web(settings, variables=variables) as address,
                Herald.at(address, TokenIssuer(settings)) as herald,
            ):
                task_id = (await herald.create(BRAND_KIT, headers=CAME_WITH))["taskId"]
                await until_ended(herald, task_id)
                async with asyncio.timeout(20):
                    while not {"POST /api/jobs", "run GENERATE_BRAND_KIT"} <= {
                        span.name for _, span in collected.spans
                    }:
                        await asyncio.sleep(0.05)
    ours = {span.name: (service, span) for service, span in collected.spans if span.trace_id.hex() == TRACE}
    accepted_by, accepted = ours["POST /api/jobs"]
    run_by, run = ours["run GENERATE_BRAND_KIT"]
    assert (accepted_by, run_by) == ("herald-web", "herald-worker")
    assert accepted.parent_span_id.hex() == "b7ad6b7169203331" and run.parent_span_id == accepted.span_id
    assert {one.key: one.value.string_value for one in run.attributes}["herald.task_id"] == task_id
    writing = [span for name, (_, span) in ours.items() if name.startswith("write ")]
    steps = {span.span_id: span for _, span in ours.values() if span.parent_span_id == run.span_id}
    assert len(steps) >= 3 and len(writing) == 3
    assert all(span.parent_span_id in steps for span in writing)
