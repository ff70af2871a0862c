"""``python -m server``: the web process."""

import logging
from typing import Any

import uvicorn

from server.hub.wire import HttpProtocol, WebSocketProtocol
from shared.settings import Settings, load_for_service


def server_options(settings: Settings) -> dict[str, Any]:
    """How uvicorn has to be set for the hub, whoever starts it."""
    return {
        "http": HttpProtocol,
        "ws": WebSocketProtocol,
        "ws_max_size": settings.max_frame_bytes,
        "ws_ping_interval": None,  # the client protocol has pings of its own
        "ws_per_message_deflate": False,  # more memory and time a connection than it saves on small frames
        "timeout_graceful_shutdown": settings.grace_period_s,
        "access_log": False,  # an event stream's address holds a token
    }


def main() -> None:
    """Serve until told to stop."""
    settings = load_for_service()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    uvicorn.run(
        "server.app:create_app",
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        loop="uvloop",
        log_level="warning" if settings.env == "production" else "info",
        **server_options(settings),
    )


if __name__ == "__main__":
    main()
