"""The private parts of uvicorn that `server.uvicorn_protocol` relies on behave as it expects."""

import asyncio
import inspect
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from herald.server.uvicorn_protocol import HttpProtocol, LimitedHttpProtocol
from herald.shared.aio import cancel_and_wait
from tests.support.fakes import Clock, Socket

OVERRIDDEN = {
    "connection_made": ["transport"],
    "connection_lost": ["exc"],
    "data_received": ["data"],
    "eof_received": [],
    "pause_writing": [],
    "resume_writing": [],
    "on_message_begin": [],
    "on_url": ["url"],
    "on_header": ["name", "value"],
    "on_headers_complete": [],
    "on_message_complete": [],
    "on_response_complete": [],
    "send_400_response": ["msg"],
    "timeout_keep_alive_handler": [],
    "handle_websocket_upgrade": [],
    "shutdown": [],
}
"""Methods of `HttpToolsProtocol` that are overridden, with their parameters."""
CALLED: dict[str, list[str]] = {"_should_upgrade": []}
READ = (
    "app_state",
    "config",
    "connections",
    "cycle",
    "loop",
    "parser",
    "pipeline",
    "server_state",
    "transport",
)
"""Attributes of a new protocol."""
READ_DURING_REQUEST = ("headers", "scope", "url")


def changed(part: str) -> str:
    return f"uvicorn {uvicorn.__version__} has changed {part}: adapt server/uvicorn_protocol.py"


class Recording(HttpToolsProtocol):
    """Uvicorn's protocol; records some of the methods that it calls."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.called: list[str] = []

    def on_headers_complete(self) -> None:
        self.called.append("on_headers_complete")
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        self.called.append("send_400_response")

    def handle_websocket_upgrade(self) -> None:
        self.called.append("handle_websocket_upgrade")


class Failing(Recording):
    """Refuses every header, as the limits do."""

    def on_header(self, name: bytes, value: bytes) -> None:
        raise ValueError


async def application(_: object, __: object, ___: object) -> None:
    await asyncio.Event().wait()


@pytest.fixture
async def state() -> AsyncIterator[ServerState]:
    state = ServerState()
    yield state
    await cancel_and_wait(*state.tasks)


def started(kind: type[HttpToolsProtocol], state: ServerState) -> Any:
    config = uvicorn.Config(application, log_config=None, ws="websockets-sansio")
    protocol: Any = kind(config, state, {}, asyncio.get_running_loop())
    protocol.connection_made(Socket())
    return protocol


@pytest.mark.parametrize(("name", "parameters"), [*OVERRIDDEN.items(), *CALLED.items()])
def test_uvicorn_has_the_methods_that_are_overridden(name: str, parameters: list[str]) -> None:
    method = getattr(HttpToolsProtocol, name, None)
    assert method is not None, changed(f"HttpToolsProtocol.{name}, which was removed")
    assert [*inspect.signature(method).parameters][1:] == parameters, changed(f"HttpToolsProtocol.{name}")


def test_every_overridden_method_is_checked() -> None:
    ours = {name for kind in (LimitedHttpProtocol, HttpProtocol) for name in vars(kind)}
    assert {name for name in ours if name in vars(HttpToolsProtocol)} - {"__module__", "__doc__"} == set(
        OVERRIDDEN
    )


async def test_uvicorn_has_the_attributes_that_are_read(state: ServerState) -> None:
    protocol = started(HttpToolsProtocol, state)
    for name in READ:
        assert hasattr(protocol, name), changed(f"HttpToolsProtocol.{name}, which was removed")
    assert protocol.connections is state.connections and protocol in state.connections, changed("connections")
    protocol.data_received(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    for name in READ_DURING_REQUEST:
        assert hasattr(protocol, name), changed(f"HttpToolsProtocol.{name}, which was removed")
    assert protocol.headers == [(b"host", b"h")] and protocol.url == b"/", changed("headers or url")
    assert protocol.scope["method"] == "GET", changed("scope")
    assert protocol.cycle.response_complete is False, changed("cycle.response_complete")
    assert isinstance(state.default_headers, list), changed("ServerState.default_headers")


async def test_uvicorn_queues_pipelined_requests(state: ServerState) -> None:
    protocol = started(HttpToolsProtocol, state)
    protocol.data_received(b"GET / HTTP/1.1\r\n\r\n" * 3)
    assert len(protocol.pipeline) == 2, changed("HttpToolsProtocol.pipeline")


async def test_uvicorn_refuses_a_request_whose_callback_fails(state: ServerState) -> None:
    protocol = started(Failing, state)
    protocol.data_received(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    assert protocol.called == ["send_400_response"], changed("its handling of failing parser callbacks")


async def test_uvicorn_hands_over_upgrades_after_the_head(state: ServerState) -> None:
    protocol = started(Recording, state)
    protocol.data_received(b"GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
    assert protocol.called == ["on_headers_complete", "handle_websocket_upgrade"], changed("the upgrade")
    assert protocol.parser.should_upgrade() and protocol._should_upgrade(), changed("the upgrade")


async def test_a_client_that_reads_some_of_a_response_gets_more_time_for_the_rest() -> None:
    clock, socket = Clock(), Socket()
    config = uvicorn.Config(lambda: None, log_config=None)
    http = LimitedHttpProtocol(config, ServerState(), {}, clock)  # type: ignore[arg-type]
    http.connection_made(socket)  # type: ignore[arg-type]
    clock.timers.clear()
    socket.waiting = 1000
    http.pause_writing()
    for left in (900, 899, 1):
        socket.waiting = left
        clock.timers.pop()[1]()
        assert not socket.aborted
    clock.timers.pop()[1]()
    assert socket.aborted
