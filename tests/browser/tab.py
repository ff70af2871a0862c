"""A browser tab that records its requests and the messages pushed to it, and a way to start tasks in it."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from playwright.async_api import ConsoleMessage, Page, WebSocketRoute, expect

FORMS: dict[str, dict[str, str]] = {
    "GENERATE_MEDIA_PLAN": {"objective": "Sell out the workshop", "keywords": "pottery, gifts"},
    "GENERATE_BRAND_KIT": {"brandName": "Northlight", "description": "Pottery by the sea"},
    "AUTO_GENERATE_PERSONAS": {"product": "A weekend pottery course"},
}
RESULTS = {
    "GENERATE_MEDIA_PLAN": ("Your media plan is ready", "Sell out the workshop"),
    "GENERATE_BRAND_KIT": ("Your brand kit is ready", "Northlight"),
    "AUTO_GENERATE_PERSONAS": ("Your personas are ready", "weekend pottery course"),
}
"""For each task type, the notification of its result and a text that the result contains."""


class Tab:
    """A page with a record of its HTTP requests, the messages pushed to it, and the errors in its console."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.requests: list[str] = []
        self.frames: list[dict[str, Any]] = []
        self.errors: list[str] = []
        self.blocked = False
        """Whether to close its WebSockets as soon as they open."""
        page.on("request", lambda request: self.requests.append(f"{request.method} {request.url}"))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._on_console)
        page.on("websocket", lambda socket: socket.on("framereceived", self._on_frame))

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(message.text)

    def _on_frame(self, text: str | bytes) -> None:
        self.frames += [json.loads(line) for line in str(text).split("\n") if line]

    async def connect_or_close(self, socket: WebSocketRoute) -> None:
        if self.blocked:
            await socket.close(code=1011)
        else:
            socket.connect_to_server()

    def ignore_error(self, text: str) -> None:
        """Drop expected errors: browsers log every failed request to the console."""
        self.errors = [error for error in self.errors if text not in error]

    def task_requests(self) -> list[str]:
        """The GET requests for tasks' states; there are none while events arrive over the WebSocket."""
        reads = [request for request in self.requests if request.startswith("GET") and "/api/jobs" in request]
        return [request for request in reads if not request.endswith("/result")]

    def pushed(self, event: str) -> list[dict[str, Any]]:
        """The events of a type that arrived on the user's channel."""
        pushes = [frame["push"] for frame in self.frames if "pub" in frame.get("push", {})]
        events = [push["pub"]["data"] for push in pushes if push["channel"].startswith("tasks#")]
        return [data for data in events if data["type"] == event]


OpenPage = Callable[..., Awaitable[Tab]]
OpenTab = Callable[..., Awaitable[Tab]]


async def start(page: Page, task_type: str, **more: str) -> None:
    """Fill in the form of a task type, submit it, and wait for the dialog to close."""
    await page.locator(f"[data-type={task_type}]").click()
    submit = page.locator("dialog [type=submit]")
    for name, value in (FORMS[task_type] | more).items():
        field = page.locator(f"dialog [name='{name}']")
        while not await field.is_visible():
            await submit.click()
        await field.fill(value)
    while await submit.text_content() == "Next":
        await submit.click()
    await submit.click()
    await expect(page.locator("dialog")).to_have_count(0)
