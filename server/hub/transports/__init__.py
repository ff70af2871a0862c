"""The transports of the client protocol: WebSocket, HTTP stream, server-sent events."""
