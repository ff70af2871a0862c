"""Checks a deployment from outside, the way its users reach it."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, NamedTuple

import httpx2

from herald.shared.cli.follow import events
from herald.shared.cli.http import Herald, RequestError

TIMEOUT_S = 10.0


class Result(NamedTuple):
    """The result of one check."""

    name: str
    ok: bool
    detail: str


async def checks(url: str, token: str) -> AsyncIterator[Result]:
    """Run the checks one by one; if the web process does not respond, the others are skipped."""
    try:
        async with httpx2.AsyncClient(base_url=url, timeout=TIMEOUT_S) as http:
            ready = await http.get("/readyz")
        services = ready.json()
    except (httpx2.HTTPError, ValueError) as error:
        yield Result("web", ok=False, detail=f"{url} is not a running Herald ({error!r})")
        return
    for name in ("mongo", "redis", "feed"):
        yield Result(name, ok=services.get(name) == "ok", detail=str(services.get(name, "not reported")))
    async with Herald.at(url, token) as herald:
        try:
            overview = await herald.call("GET", "/api/ops")
            yield _check_workers(overview)
            yield _check_types(overview)
        except RequestError as error:
            yield Result("workers", ok=False, detail=str(error))
    yield await _check_hub(url, token)


def _check_workers(overview: dict[str, Any]) -> Result:
    workers, depth = overview["workers"], overview["queue"]["depth"]
    slots = sum(worker["slots"] for worker in workers)
    running = sum(len(worker["tasks"]) for worker in workers)
    detail = f"{len(workers)} with {slots} slots, {running} running, {depth} queued"
    return Result("workers", ok=bool(workers), detail=detail if workers else f"none alive, {depth} queued")


def _check_types(overview: dict[str, Any]) -> Result:
    """Whether every type with queued tasks has a worker."""
    online = {name for worker in overview["workers"] for name in worker["types"]}
    queued = {each["type"]: each["tasks"] for each in overview["active"] if each["status"] == "queued"}
    stuck = [f"{name} ({tasks} queued)" for name, tasks in sorted(queued.items()) if name not in online]
    detail = f"online: {', '.join(sorted(online)) or 'none'}"
    if stuck:
        detail = f"no worker is online for {', '.join(stuck)}; {detail}"
    return Result("types", ok=not stuck, detail=detail)


async def _check_hub(url: str, token: str) -> Result:
    """Whether a WebSocket connects and delivers a snapshot; a proxy in between may block it."""
    started = time.perf_counter()
    try:
        async with asyncio.timeout(TIMEOUT_S), aclosing(events(url, token, None)) as stream:
            async for _ in stream:
                took_ms = (time.perf_counter() - started) * 1000
                return Result("hub", ok=True, detail=f"connected, snapshot after {took_ms:.0f} ms")
    except RequestError as error:
        return Result("hub", ok=False, detail=str(error))
    except TimeoutError:
        pass
    return Result("hub", ok=False, detail=f"no WebSocket within {TIMEOUT_S:g} s; check the proxy's settings")
