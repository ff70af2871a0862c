"""Clients that do not read."""

import asyncio
import json
import socket as sockets
from contextlib import suppress


async def request_without_reading(address: str, request: str) -> sockets.socket:
    """Send a request without reading the response."""
    client = sockets.socket()
    client.setblocking(False)
    client.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    host, _, port = address.partition(":")
    loop = asyncio.get_running_loop()
    await loop.sock_connect(client, (host, int(port)))
    await loop.sock_sendall(client, request.encode())
    return client


async def connect_without_reading(address: str, token: str) -> sockets.socket:
    """Connect over a WebSocket, and read nothing after the handshake."""
    handshake = [
        "GET /connection/websocket HTTP/1.1",
        f"Host: {address}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    ]
    client = await request_without_reading(address, "\r\n".join([*handshake, "", ""]))
    loop = asyncio.get_running_loop()
    assert (await loop.sock_recv(client, 1000)).startswith(b"HTTP/1.1 101")
    payload = json.dumps({"id": 1, "connect": {"token": token}}).encode()
    await loop.sock_sendall(client, b"\x81\xfe" + len(payload).to_bytes(2) + bytes(4) + payload)
    return client


async def until_cut_off(client: sockets.socket) -> None:
    """Wait until the server closes the connection; the client still does not read."""
    async with asyncio.timeout(30):
        with suppress(ConnectionError):
            while True:
                await asyncio.get_running_loop().sock_sendall(client, b"\r\n")  # HTTP ignores it
                await asyncio.sleep(0.02)
