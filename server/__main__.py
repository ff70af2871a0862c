"""``python -m herald.server``: the web process."""

import tempfile
from contextlib import ExitStack
from typing import Any

import uvicorn

from herald.server.uvicorn_protocol import HttpProtocol
from herald.shared.observability import logs
from herald.shared.settings import METRICS_DIR, Settings, load_for_service, set_for_children


def server_options(settings: Settings) -> dict[str, Any]:
    """The options of uvicorn that the hub depends on; used here and by the tests."""
    return {
        "http": HttpProtocol,
        "ws": "websockets-sansio",  # for WebSockets on other paths; `HttpProtocol` handles the hub's
        "ws_max_size": settings.max_frame_bytes,
        "timeout_graceful_shutdown": settings.grace_period_s,
        "headers": [("X-Content-Type-Options", "nosniff")],  # of every response, errors included
        "access_log": False,  # the URL of an event stream contains a token
    }


def main() -> None:
    """Serve until SIGINT or SIGTERM."""
    settings = load_for_service()
    logs.set_up(settings)
    with ExitStack() as stack:
        if settings.workers > 1 and settings.metrics_dir is None:
            directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="herald-metrics-"))
            set_for_children(**{METRICS_DIR: directory})
        uvicorn.run(
            "herald.server.app:create_app",
            factory=True,
            host=settings.host,
            port=settings.port,
            workers=settings.workers,
            loop="uvloop",
            log_config=None,  # keeps Herald's own log format, which removes secrets
            log_level="warning" if settings.env == "production" else "info",
            **server_options(settings),
        )


if __name__ == "__main__":
    main()
