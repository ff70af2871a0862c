"""Ways to Redis that a test can break: a proxy, and a leader with a replica."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from herald.shared.feed.feed import Feed
from herald.shared.launcher import embedded
from herald.shared.settings import Settings
from tests.support.failover import Failover
from tests.support.older import port_of, replica_of
from tests.support.proxy import Proxy, proxy_to


@pytest.fixture
async def proxy(settings: Settings) -> AsyncIterator[Proxy]:
    """A proxy in front of Redis."""
    port = urlsplit(settings.redis_url).port
    assert port is not None
    async with proxy_to(port) as opened:
        yield opened


@pytest.fixture
async def proxied(settings: Settings, proxy: Proxy) -> AsyncIterator[Feed]:
    """A feed that reaches Redis through ``proxy``."""
    through_proxy = settings.model_copy(update={"redis_url": f"redis://127.0.0.1:{proxy.port}/0"})
    async with Feed.connect(through_proxy) as feed:
        yield feed


@pytest.fixture
async def failover(settings: Settings, tmp_path: Path) -> AsyncIterator[Failover]:
    """A leader and its replica."""
    with (
        embedded.valkey(tmp_path / "first") as first,
        replica_of(port_of(first), tmp_path / "second") as second,
    ):
        async with AsyncExitStack() as stack:
            front = await stack.enter_async_context(proxy_to(port_of(first)))
            feeds = [
                await stack.enter_async_context(
                    Feed.connect(settings.model_copy(update={"redis_url": f"redis://127.0.0.1:{port}/0"}))
                )
                for port in (front.port, port_of(second))
            ]
            yield Failover(first, second, front, *feeds)
