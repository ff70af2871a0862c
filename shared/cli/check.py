"""Checks a deployment from outside, the way its users reach it."""

import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, NamedTuple

import httpx2

from herald.shared.cli.app import text_of
from herald.shared.client.connection import Connection
from herald.shared.client.errors import HeraldError
from herald.shared.client.feed import RefusedError, messages
from herald.shared.client.tokens import Token, TokenSource

TIMEOUT_S = 10.0


class Result(NamedTuple):
    """The result of one check."""

    name: str
    ok: bool
    detail: str


async def checks(url: str, token: TokenSource) -> AsyncIterator[Result]:
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
    connection = Connection(url, Token(token), retry_for=0)
    try:
        overview = await connection.json("GET", "/api/ops")
        yield _check_workers(overview)
        yield _check_types(overview)
    except HeraldError as error:
        yield Result("workers", ok=False, detail=text_of(error))
    yield await _check_hub(connection)
    await connection.close()


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


async def _check_hub(connection: Connection) -> Result:
    """Whether a WebSocket connects and delivers a snapshot; a proxy in between may block it."""
    started = time.perf_counter()
    try:
        async with aclosing(messages(connection, None)) as received:
            await anext(received)
    except (HeraldError, RefusedError) as error:
        return Result("hub", ok=False, detail=str(error))
    took_ms = (time.perf_counter() - started) * 1000
    return Result("hub", ok=True, detail=f"connected, snapshot after {took_ms:.0f} ms")
