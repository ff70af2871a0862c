"""Whether a deployment works: asked from outside, the way that its users come."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, NamedTuple

import httpx2

from herald.shared.cli.follow import events
from herald.shared.cli.http import Herald, RefusedError

WITHIN_S = 10.0


class Finding(NamedTuple):
    """What was looked at, and how it is."""

    what: str
    good: bool
    told: str


async def findings(url: str, token: str) -> AsyncIterator[Finding]:
    """Look at one thing after the other; what needs one that is bad is left out."""
    try:
        async with httpx2.AsyncClient(base_url=url, timeout=WITHIN_S) as http:
            ready = await http.get("/readyz")
        parts = ready.json()
    except (httpx2.HTTPError, ValueError) as error:
        yield Finding("web", good=False, told=f"{url} does not answer as a Herald does ({error!r})")
        return
    for part in ("mongo", "redis", "feed"):
        yield Finding(part, good=parts.get(part) == "ok", told=str(parts.get(part, "is not told of")))
    async with Herald.at(url, token) as herald:
        try:
            yield _of_workers(await herald.call("GET", "/api/ops"))
        except RefusedError as refusal:
            yield Finding("workers", good=False, told=str(refusal))
    yield await _of_the_hub(url, token)


def _of_workers(overview: dict[str, Any]) -> Finding:
    workers, depth = overview["workers"], overview["queue"]["depth"]
    slots = sum(worker["slots"] for worker in workers)
    running = sum(len(worker["tasks"]) for worker in workers)
    told = f"{len(workers)} with {slots} slots, {running} running, {depth} waiting"
    return Finding("workers", good=bool(workers), told=told if workers else f"none lives; {depth} waiting")


async def _of_the_hub(url: str, token: str) -> Finding:
    """Whether a WebSocket comes through to a snapshot; a proxy in between may not let it."""
    began = time.perf_counter()
    try:
        async with asyncio.timeout(WITHIN_S), aclosing(events(url, token, None)) as stream:
            async for _ in stream:
                took_ms = (time.perf_counter() - began) * 1000
                return Finding("hub", good=True, told=f"connected, and a snapshot after {took_ms:.0f} ms")
    except RefusedError as refusal:
        return Finding("hub", good=False, told=str(refusal))
    except TimeoutError:
        pass
    return Finding("hub", good=False, told=f"no WebSocket within {WITHIN_S:g} s; see the proxy's settings")
