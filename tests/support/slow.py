"""Clients that do not read."""

import asyncio
import json
import socket as sockets
from contextlib import suppress


async def until_cut_off(deaf: sockets.socket) -> None:
    """Wait until the server has given ``deaf`` up, which must not need that it reads."""
    async with asyncio.timeout(30):
        with suppress(ConnectionError):
            while True:
                await asyncio.get_running_loop().sock_sendall(deaf, b"\r\n")  # means nothing in HTTP
                await asyncio.sleep(0.02)


async def deaf_request(address: str, request: str) -> sockets.socket:
    """A client that sends a request, and never reads."""
    deaf = sockets.socket()
    deaf.setblocking(False)
    deaf.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    host, _, port = address.partition(":")
    loop = asyncio.get_running_loop()
    await loop.sock_connect(deaf, (host, int(port)))
    await loop.sock_sendall(deaf, request.encode())
    return deaf


async def deaf_client(address: str, token: str) -> sockets.socket:
    """A client that connects, and then never reads."""
    loop = asyncio.get_running_loop()
    host, port = address.split(":")
    deaf = sockets.socket()
    deaf.setblocking(False)
    deaf.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    await loop.sock_connect(deaf, (host, int(port)))
    handshake = [
        "GET /connection/websocket HTTP/1.1",
        f"Host: {address}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    ]
    await loop.sock_sendall(deaf, "\r\n".join([*handshake, "", ""]).encode())
    assert (await loop.sock_recv(deaf, 1000)).startswith(b"HTTP/1.1 101")
    payload = json.dumps({"id": 1, "connect": {"token": token}}).encode()
    await loop.sock_sendall(deaf, b"\x81\xfe" + len(payload).to_bytes(2) + bytes(4) + payload)
    return deaf
