"""The web process: HTTP endpoints and the WebSocket hub."""
