"""``make bench``: measures Herald and its peers and prints a comparison. Arguments select scenes by name."""

import asyncio
import os
import resource
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import uvloop

from herald.shared.launcher import embedded
from herald.shared.settings import Settings
from tests.bench import wear, workers
from tests.bench.load import RawClient, payload
from tests.bench.promises import promises
from tests.bench.servers import ALL, Figures, Herald, NodeWs, PythonSocketIo, Server
from tests.bench.workers import Alone, HeraldWorker, StockArq, Whole

CLIENTS = 500
BURST = 400
UNICAST = 32
"""Events per channel and round."""
PUBLISHERS = 4


class Counter:
    """Counts the events that arrive at all clients, and waits for a total."""

    def __init__(self, clients: Sequence[RawClient]) -> None:
        self.total = 0
        self._wanted = 0
        self._done = asyncio.Event()
        for client in clients:
            client.on_count = self._add

    def _add(self, count: int) -> None:
        self.total += count
        if self.total >= self._wanted:
            self._done.set()

    async def until(self, total: int) -> None:
        self._wanted = total
        if self.total < total:
            self._done.clear()
            await self._done.wait()


async def clients_of(server: Server, channels: Sequence[str], measured: int = 0) -> list[RawClient]:
    """Connect a client per channel, up to 300 at a time; ``measured`` of them record latencies."""
    at_once = asyncio.Semaphore(300)
    every = len(channels) // measured if measured else 0

    async def connect(place: int, channel: str) -> RawClient:
        async with at_once:
            return await server.connect(channel, measure=every > 0 and place % every == 0)

    return await asyncio.gather(*(connect(place, channel) for place, channel in enumerate(channels)))


def leave(clients: Sequence[RawClient]) -> None:
    for client in clients:
        client.transport.abort()


async def burst(server: Server) -> Figures:
    """Fan-out: events to all clients of one channel, as fast as they can be published."""
    clients = await clients_of(server, ["bench"] * CLIENTS)
    counter = Counter(clients)
    rates, cpus = [], []
    for round_number in range(server.rounds):
        before, started = server.usage.cpu_s(), time.monotonic()
        published = [server.publish("bench", payload(number)) for number in range(BURST)]
        await asyncio.gather(*published)
        await counter.until((round_number + 1) * CLIENTS * BURST)
        rates.append(CLIENTS * BURST / (time.monotonic() - started))
        cpus.append((server.usage.cpu_s() - before) / (CLIENTS * BURST) * 1e6)
    leave(clients)
    return {"deliveries/s": _typical(rates), "CPU µs/delivery": _typical(cpus)}


def _typical(values: Sequence[float]) -> float:
    """The median without the first round, which is the warm-up."""
    return statistics.median(values[1:] or values)


async def paced(server: Server) -> Figures:
    """Fan-out: 100 events per second to all clients of one channel."""
    clients = await clients_of(server, ["bench"] * CLIENTS, measured=CLIENTS // 10)
    counter = Counter(clients)
    before, events, interval_s = server.usage.cpu_s(), 500, 0.01
    started = time.monotonic()
    for number in range(events):
        await asyncio.sleep(max(0.0, started + number * interval_s - time.monotonic()))
        await server.publish("bench", payload(number))
    await counter.until(CLIENTS * events)
    cpu_s = server.usage.cpu_s() - before
    latencies = sorted(latency / 1e6 for client in clients for latency in client.latencies)
    leave(clients)
    return {
        "p50 ms": latencies[len(latencies) // 2],
        "p99 ms": latencies[len(latencies) * 99 // 100],
        "CPU µs/delivery": cpu_s / (CLIENTS * events) * 1e6,
    }


async def unicast(server: Server) -> Figures:
    """500 channels with one client each, and several concurrent publishers."""
    channels = [f"u{number}" for number in range(CLIENTS)]
    clients = await clients_of(server, channels)
    counter = Counter(clients)

    async def publish(times: int) -> None:
        for number in range(times):
            await server.publish_each(channels, payload(number))

    rates, cpus = [], []
    for round_number in range(server.rounds):
        before, started = server.usage.cpu_s(), time.monotonic()
        await asyncio.gather(*(publish(UNICAST // PUBLISHERS) for _ in range(PUBLISHERS)))
        await counter.until((round_number + 1) * CLIENTS * UNICAST)
        rates.append(CLIENTS * UNICAST / (time.monotonic() - started))
        cpus.append((server.usage.cpu_s() - before) / (CLIENTS * UNICAST) * 1e6)
    leave(clients)
    return {"events/s": _typical(rates), "CPU µs/event": _typical(cpus)}


async def deaf(server: Server) -> Figures:
    """The burst again, with an additional client that never reads."""
    alone, beside = [], []
    for _ in range(4):  # alternate, because the speed of the machine varies
        alone.append((await burst(server))["deliveries/s"])
        [never_reads] = await clients_of(server, ["bench"])
        never_reads.transport.pause_reading()
        beside.append((await burst(server))["deliveries/s"])
        leave([never_reads])
    typical = statistics.median(beside)
    return {"deliveries/s": typical, "ratio to the burst without it": typical / statistics.median(alone)}


async def idle(server: Server) -> Figures:
    """4,000 clients that connect, subscribe, and then do nothing."""
    count = 4000
    leave(await clients_of(server, [f"w{number}" for number in range(200)]))
    await asyncio.sleep(1)
    channels = [f"i{number}" for number in range(count)]
    server.prepare(channels)
    before, started = server.usage.memory(), time.monotonic()
    clients = await clients_of(server, channels)
    rate = count / (time.monotonic() - started)
    await asyncio.sleep(1)
    used = (server.usage.memory() - before) / count / 1024
    leave(clients)
    return {"connects/s": rate, "KiB/connection": used}


async def storm(server: Server) -> Figures:
    """2,000 clients reconnect at once and recover 50 events each, with MongoDB stopped."""
    assert isinstance(server, Herald)
    count, missed = 2000, 50
    channels = [f"s{number}" for number in range(count)]
    clients = await clients_of(server, channels)
    leave(clients)
    epochs = await asyncio.gather(*(server.position(channel) for channel in channels))
    for number in range(missed):
        await server.publish_each(channels, payload(number))
    MONGO[0].stop()
    started = time.monotonic()
    returning = await asyncio.gather(
        *(server.recover(channel, epoch, missed) for channel, epoch in zip(channels, epochs, strict=True))
    )
    took_s = time.monotonic() - started
    leave(returning)
    MONGO[0].start()
    return {"s to the last": took_s, "recovered events/s": count * missed / took_s}


async def worn(server: Alone) -> Figures:
    """20,000 tasks from creation to completion, eight at a time: the first thousand against the last."""
    return await wear.wear(server.settings, MONGO[0])


MONGO: list[embedded.Server] = []
SCENES: dict[str, tuple[Callable[[Any], Awaitable[Figures]], Sequence[type[Any]]]] = {
    "burst": (burst, ALL),
    "paced": (paced, [Herald, NodeWs]),
    "unicast": (unicast, [Herald, NodeWs]),
    "deaf": (deaf, [Herald]),
    "idle": (idle, [Herald, NodeWs]),
    "storm": (storm, [Herald]),
    "start": (workers.start, [HeraldWorker, StockArq]),
    "short": (workers.short, [HeraldWorker, StockArq]),
    "accept": (workers.accept, [Whole]),
    "slots": (workers.slots, [Alone]),
    "wear": (worn, [Alone]),
    "promises": (promises, [Alone]),
}
ONLY_BY_NAME = {"wear"}
"""Scenes that take too long to run by default."""
GOALS: list[tuple[str, str, type[Any] | None, str, float]] = [
    ("burst", "deliveries/s", NodeWs, "≥", 3),
    ("burst", "deliveries/s", PythonSocketIo, "≥", 15),
    ("paced", "p99 ms", NodeWs, "≤", 1),
    ("paced", "CPU µs/delivery", NodeWs, "≤", 1),
    ("unicast", "events/s", NodeWs, "≥", 1),
    ("idle", "KiB/connection", None, "≤", 20),
    ("idle", "connects/s", None, "≥", 1500),
    ("start", "p50 ms", None, "≤", 10),
    ("start", "p50 ms", StockArq, "≤", 0.04),
    ("short", "jobs/s", StockArq, "≥", 3),
    ("slots", "running at once", None, "≥", 200),
    ("wear", "last/first", None, "≥", 0.75),
]
"""Scene, figure, peer to compare with (None for an absolute goal), and the goal."""


async def measure(names: Sequence[str], settings: Settings) -> dict[tuple[str, str], Figures]:
    found: dict[tuple[str, str], Figures] = {}
    for name in names:
        scene, servers = SCENES[name]
        print(f"\n{name}: {' '.join((scene.__doc__ or '').split())}", flush=True)
        for kind in servers:
            async with kind(settings).running() as server:
                figures = await scene(server)
            found[name, kind.name] = figures
            shown = "   ".join(f"{figure} {value:,.2f}" for figure, value in figures.items())
            print(f"  {kind.name:28} {shown}", flush=True)
    return found


def compare(found: dict[tuple[str, str], Figures]) -> None:
    print("\nGoals")
    for scene, figure, peer, sign, goal in GOALS:
        ours = SCENES[scene][1][0].name
        if (scene, ours) not in found:
            continue
        value = found[scene, ours][figure]
        against = ""
        if peer is not None:
            value /= found[scene, peer.name][figure]
            against = f" against {peer.name}"
        met = value >= goal if sign == "≥" else value <= goal
        ratio = " times" if peer is not None else ""
        print(
            f"  {'met   ' if met else 'MISSED'} {scene}, {figure}{against}: {value:,.2f}{ratio} (goal {sign} {goal}{ratio})"
        )


def main(names: Sequence[str]) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65_536), hard))
    by_default = [name for name in SCENES if name not in ONLY_BY_NAME]
    print(f"{os.cpu_count()} processors; Python {sys.version.split()[0]}")
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder)
        with embedded.valkey(data_dir) as valkey, embedded.mongo(data_dir) as mongo:
            MONGO.append(mongo)
            settings = Settings.model_validate(
                {
                    "redis_url": valkey.url,
                    "mongo_url": mongo.url,
                    "mongo_database": "bench",
                    "auth_secret": secrets.token_hex(32),
                }
            )
            found: dict[Any, Figures] = uvloop.run(measure(names or by_default, settings))
    compare(found)


if __name__ == "__main__":
    main(sys.argv[1:])
