"""Fixtures for the tests of the web process."""

import pytest

from herald.server import uvicorn_protocol
from herald.server.hub.transports import stream as stream_transport
from herald.server.hub.transports import websocket as websocket_transport


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the deadlines for slow clients short enough to wait for."""
    monkeypatch.setattr(uvicorn_protocol, "HEAD_WITHIN_S", 0.2)
    monkeypatch.setattr(uvicorn_protocol, "BODY_WITHIN_S", 0.2)
    monkeypatch.setattr(uvicorn_protocol, "READ_WITHIN_S", 0.2)
    monkeypatch.setattr(websocket_transport, "CLOSE_WITHIN_S", 0.2)
    monkeypatch.setattr(stream_transport, "CLOSE_WITHIN_S", 0.2)
