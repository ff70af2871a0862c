"""Clients of Herald for the tests: HTTP, and the client protocol over a bare WebSocket."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import websockets

from herald.shared.tokens import TokenIssuer

PERSONAS = {"type": "AUTO_GENERATE_PERSONAS", "payload": {"product": "A bicycle bell", "count": 2}}
MEDIA_PLAN = {
    "type": "GENERATE_MEDIA_PLAN",
    "payload": {"objective": "Sell out the workshop", "keywords": ["pottery"], "settings": {"weeks": 1}},
}
BRAND_KIT = {"type": "GENERATE_BRAND_KIT", "payload": {"brandName": "Northlight", "description": "Pottery"}}


class Herald:
    """One user's HTTP client; `other` returns a client of another user."""

    def __init__(self, http: httpx2.AsyncClient, address: str, issuer: TokenIssuer, user: str) -> None:
        self.http = http
        self.address = address
        self.issuer = issuer
        self.user = user
        self.brands: list[str] = []
        self.scope = ""

    @classmethod
    @asynccontextmanager
    async def at(cls, address: str, issuer: TokenIssuer) -> AsyncIterator["Herald"]:
        async with httpx2.AsyncClient(base_url=f"http://{address}") as http:
            yield cls(http, address, issuer, "ada")

    def other(self, user: str, brands: list[str] | None = None) -> "Herald":
        other = Herald(self.http, self.address, self.issuer, user)
        other.brands = brands or []
        return other

    def operator(self) -> "Herald":
        operator = self.other("olga")
        operator.scope = "operator"
        return operator

    def token(self, ttl_s: float = 60) -> str:
        return self.issuer.issue(self.user, self.brands, ttl_s, scope=self.scope)

    async def request(self, method: str, path: str, **options: Any) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {self.token()}", **options.pop("headers", {})}
        return await self.http.request(method, path, headers=headers, **options)

    async def get(self, path: str, **options: Any) -> httpx2.Response:
        return await self.request("GET", path, **options)

    async def post(self, path: str, **options: Any) -> httpx2.Response:
        return await self.request("POST", path, **options)

    async def create(self, body: dict[str, Any], **options: Any) -> dict[str, Any]:
        response = await self.post("/api/jobs", json=body, **options)
        assert response.status_code == 202, response.text
        task: dict[str, Any] = response.json()
        return task

    @asynccontextmanager
    async def socket(self) -> AsyncIterator["Socket"]:
        """A WebSocket that has not sent its connect command yet."""
        async with websockets.connect(f"ws://{self.address}/connection/websocket") as connection:
            yield Socket(connection)

    @asynccontextmanager
    async def connected(self, **connect: Any) -> AsyncIterator["Socket"]:
        """A WebSocket after its connect command; `Socket.hello` is the result."""
        async with self.socket() as socket:
            socket.hello = (await socket.call(connect={"token": self.token(), **connect}))["connect"]
            yield socket


class Socket:
    """A WebSocket that speaks the client protocol."""

    def __init__(self, connection: websockets.ClientConnection) -> None:
        self.connection = connection
        self.hello: dict[str, Any] = {}
        self.pushes: list[dict[str, Any]] = []
        self._ids = itertools.count(1)
        self._unread: list[dict[str, Any]] = []

    async def send(self, *messages: dict[str, Any]) -> None:
        await self.connection.send("\n".join(json.dumps(message) for message in messages))

    async def next(self) -> dict[str, Any]:
        """The next message; a ping is answered and returned as ``{}``."""
        while not self._unread:
            self._unread = [json.loads(line) for line in str(await self.connection.recv()).split("\n")]
        message = self._unread.pop(0)
        if not message:
            await self.connection.send("{}")
        return message

    async def call(self, **command: Any) -> dict[str, Any]:
        """Send one command and return its reply; pushes that arrive meanwhile are kept in `pushes`."""
        number = next(self._ids)
        await self.send({"id": number, **command})
        while (message := await self.next()).get("id") != number:
            if message:
                self.pushes.append(message["push"])
        return message

    async def push(self) -> dict[str, Any]:
        """The next push."""
        if self.pushes:
            return self.pushes.pop(0)
        while not (message := await self.next()):
            pass
        push: dict[str, Any] = message["push"]
        return push

    async def publication(self) -> dict[str, Any]:
        """The next publication: ``{offset, data}``."""
        publication: dict[str, Any] = (await self.push())["pub"]
        return publication

    async def silence(self, seconds: float = 0.3) -> bool:
        """Whether only pings arrive for a while."""
        try:
            async with asyncio.timeout(seconds):
                await self.push()
        except TimeoutError:
            return True
        return False

    async def closed(self) -> tuple[int, str]:
        """Wait until the server closes the connection; returns the code and the reason."""
        try:
            while True:
                await self.next()
        except websockets.ConnectionClosed as end:
            assert end.rcvd is not None
            return end.rcvd.code, end.rcvd.reason
