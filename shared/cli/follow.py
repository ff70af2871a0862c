"""Shows live events in a terminal: progress bars for people, lines for other programs."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Any

import centrifuge
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from herald.shared.cli.http import Herald, RequestError
from herald.shared.tasks.models import ACTIVE, ENDED, TaskStatus

Event = dict[str, Any]
"""``{type, task, …}``; or ``{type: "snapshot", tasks}`` at the start and after unrecovered events."""


class _Handler(centrifuge.ClientEventHandler, centrifuge.SubscriptionEventHandler):  # type: ignore[misc]
    """Queues the events of a subscription, and the error that ends it."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Event | RequestError] = asyncio.Queue()

    async def on_subscribed(self, context: Any) -> None:
        if context.data:
            self.queue.put_nowait({"type": "snapshot", **context.data})

    async def on_publication(self, context: Any) -> None:
        self.queue.put_nowait(context.pub.data)

    async def on_unsubscribed(self, context: Any) -> None:
        self.queue.put_nowait(RequestError(f"The hub ended the subscription: {context.reason}"))

    async def on_disconnected(self, context: Any) -> None:
        self.queue.put_nowait(RequestError(f"The hub closed the connection: {context.reason}"))


class _OnlyDisconnect(centrifuge.ClientEventHandler):  # type: ignore[misc]
    """Ignores the user's own channel, which every connection gets; passes on the disconnect."""

    def __init__(self, handler: _Handler) -> None:
        self.on_disconnected = handler.on_disconnected


async def events(url: str, token: str, channel: str | None) -> AsyncGenerator[Event, None]:
    """The events of ``channel``, by default the user's own, until the caller stops.

    The official client reconnects by itself and recovers missed events.

    Raises:
        RequestError: the hub rejected the token or the channel permanently.
    """
    handler = _Handler()
    address = f"{url.replace('http', 'ws', 1)}/connection/websocket"
    client = centrifuge.Client(address, events=_OnlyDisconnect(handler) if channel else handler, token=token)
    try:
        if channel:
            subscription = client.new_subscription(channel, events=handler)
            await subscription.subscribe()
        await client.connect()
        while True:
            event = await handler.queue.get()
            if isinstance(event, RequestError):
                raise event
            yield event
            if event.get("truncated") and not channel:
                with suppress(RequestError):  # if it fails, an omitted task appears with its next event
                    async for page in _omitted(url, token, event["after"]):
                        yield page
    finally:
        await client.disconnect()


async def _omitted(url: str, token: str, after: str) -> AsyncGenerator[Event, None]:
    """The user's active tasks that did not fit into a snapshot, in pages.

    Raises:
        RequestError: the tasks cannot be listed.
    """
    query = {"status": ",".join(ACTIVE), "limit": "200"}
    page: Event = {"after": after}
    async with Herald.at(url, token) as herald:
        while "after" in page:
            page = await herald.call("GET", "/api/jobs", params={**query, "after": page["after"]})
            yield {"type": "snapshot", "tasks": page["tasks"]}


async def show(
    stream: AsyncGenerator[Event, None], console: Console, task_id: str | None, *, as_json: bool
) -> dict[str, Any] | None:
    """Show events until the task ``task_id`` ends, and return it; None if the stream ends first."""
    screen = Lines(console, as_json=as_json) if as_json or not console.is_terminal else Bars(console)
    versions: dict[str, tuple[int, int]] = {}
    task: dict[str, Any]
    with screen:
        async with aclosing(stream):
            async for event in stream:
                for task in event.get("tasks", [event["task"]] if "task" in event else []):
                    version = (task["rev"], task["tick"])
                    if version <= versions.get(task["taskId"], (0, -1)):
                        continue
                    versions[task["taskId"]] = version
                    screen.show(event, task)
                    if task["taskId"] == task_id and _has_ended(task):
                        return task
    return None


class Lines:
    """Prints a line per event."""

    def __init__(self, console: Console, *, as_json: bool) -> None:
        self._console = console
        self._as_json = as_json

    def __enter__(self) -> "Lines":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, event: Event, task: dict[str, Any]) -> None:
        """Show a task's new state."""
        if self._as_json:
            line = json.dumps({"type": event["type"], "task": task})
        else:
            line = f"{task['updatedAt']} {event['type']} {task['taskId']} {task['progress']}% {_state(task)}"
        self._console.print(line, soft_wrap=True, highlight=False, markup=False)


class Bars:
    """Shows a bar per active task; ended tasks become lines above the bars."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.fields[name]}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[state]}"),
            console=console,
        )
        self._bars: dict[str, TaskID] = {}

    def __enter__(self) -> "Bars":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, _: Event, task: dict[str, Any]) -> None:
        """Show a task's new state."""
        task_id, name = task["taskId"], f"{task['type']} {task['taskId'][:12]}"
        if _has_ended(task):
            if task_id in self._bars:
                self._progress.remove_task(self._bars.pop(task_id))
            self._progress.console.print(f"{name} {_state(task)}", highlight=False, markup=False)
            return
        if task_id not in self._bars:
            self._bars[task_id] = self._progress.add_task("", total=100, name=name, state="")
        self._progress.update(self._bars[task_id], completed=task["progress"], state=_state(task))


def _has_ended(task: dict[str, Any]) -> bool:
    """Whether a task has ended, even with a status that only a newer server knows."""
    return task["status"] in ENDED or "completedAt" in task


def _state(task: dict[str, Any]) -> str:
    match task["status"]:
        case TaskStatus.PROCESSING:
            return str(task.get("currentStep", "processing"))
        case TaskStatus.QUEUED if "queuePosition" in task:
            return f"queued, position {task['queuePosition']}"
        case TaskStatus.FAILED | TaskStatus.RETRYING:
            return f"{task['status']}: {task.get('lastError', '')}"
        case status:
            return str(status)
