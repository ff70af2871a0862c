"""``python -m server``: the web process."""

import logging

import uvicorn

from shared.settings import load_for_service

MAX_FRAME_BYTES = 64 * 1024
GRACE_S = 10


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
        http="httptools",
        ws="websockets-sansio",
        ws_max_size=MAX_FRAME_BYTES,
        ws_ping_interval=None,  # the client protocol has pings of its own
        ws_per_message_deflate=False,  # costs more memory and time a connection than it saves on small frames
        timeout_graceful_shutdown=GRACE_S,
        access_log=False,
    )


if __name__ == "__main__":
    main()
