"""The commands for your own tasks: submit, follow, list, cancel, retry, and read a result."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from herald.shared.cli.app import AsJson, TaskId, app, call, fail, out, print_json, print_task
from herald.shared.cli.screen import show
from herald.shared.client.async_herald import AsyncHerald
from herald.shared.tasks.models import Priority, PublicTask, TaskStatus


@app.command()
def submit(
    context: typer.Context,
    task_type: Annotated[
        str, typer.Argument(metavar="TYPE", help="The task type, such as WRITE_PRESS_RELEASE.")
    ],
    payload: Annotated[str, typer.Argument(help="The payload as JSON, or @FILE to read it from a file.")],
    *,
    priority: Annotated[
        Priority | None, typer.Option(help="Its priority in the queue.", show_default=False)
    ] = None,
    brand: Annotated[
        str | None, typer.Option(help="The brand it belongs to; its members can see it.", show_default=False)
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Follow it until it ends, and print its result.")
    ] = False,
) -> None:
    """Create a task and print its id."""
    values = _json(payload)

    async def create(herald: AsyncHerald) -> str:
        handle = await herald.start(task_type, values, priority=priority, brand_id=brand)
        return handle.id

    task_id = call(context, create)
    typer.echo(task_id)
    if follow:
        _follow(context, task_id, as_json=False)
        result(context, task_id)


@app.command()
def follow(
    context: typer.Context,
    task_id: Annotated[
        str | None,
        typer.Argument(
            help="The task to follow until it ends. Without it: all your tasks.", show_default=False
        ),
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Follow a task, or all your tasks, live."""
    _follow(context, task_id, as_json=as_json)


@app.command()
def result(context: typer.Context, task_id: TaskId) -> None:
    """Wait until a task has ended, and print its result as JSON."""
    print_json(call(context, lambda herald: herald.handle(task_id).result()))


@app.command("list")
def list_tasks(
    context: typer.Context,
    status: Annotated[
        list[TaskStatus] | None,
        typer.Option(help="Only tasks with this status. Repeat for more.", show_default=False),
    ] = None,
    brand: Annotated[
        str | None, typer.Option(help="The tasks of a brand instead of yours.", show_default=False)
    ] = None,
    most: Annotated[int, typer.Option(min=1, help="Maximum number of tasks.")] = 20,
    *,
    everyone: Annotated[bool, typer.Option("--all", help="The tasks of all users. Operators only.")] = False,
    as_json: AsJson = False,
) -> None:
    """List your tasks, newest first."""

    async def read(herald: AsyncHerald) -> list[PublicTask]:
        found: list[PublicTask] = []
        async for task in herald.tasks(status=status or (), brand_id=brand, all_users=everyone):
            found.append(task)
            if len(found) == most:
                break
        return found

    tasks = call(context, read)
    if as_json:
        for task in tasks:
            print_json(task.wire(), indent=None)
        return
    table = Table("task", "type", "title", "status", "progress", "created")
    for task in tasks:
        created = f"{task.created_at:%Y-%m-%d %H:%M:%S}"
        table.add_row(task.task_id, task.type, task.title, task.status, f"{task.progress}%", created)
    out.print(table)


@app.command()
def cancel(context: typer.Context, task_id: TaskId) -> None:
    """Cancel an active task."""
    print_task(call(context, lambda herald: herald.handle(task_id).cancel()))


@app.command()
def retry(context: typer.Context, task_id: TaskId) -> None:
    """Retry a failed or cancelled task. Completed steps are kept."""
    print_task(call(context, lambda herald: herald.handle(task_id).retry()))


def _follow(context: typer.Context, task_id: str | None, *, as_json: bool) -> None:
    """Show a task until it ends, or all tasks; exits with 1 unless the task completed."""

    async def watch(herald: AsyncHerald) -> PublicTask | None:
        updates = herald.handle(task_id).follow(replay=False) if task_id else herald.follow()
        return await show(updates, out, as_json=as_json)

    last = call(context, watch)
    if task_id and (last is None or last.status != TaskStatus.COMPLETED):
        raise typer.Exit(1)


def _json(text: str) -> Any:
    try:
        return json.loads(Path(text[1:]).read_text() if text.startswith("@") else text)
    except (OSError, ValueError) as error:
        fail(f"Can't read the payload as JSON: {error}")
