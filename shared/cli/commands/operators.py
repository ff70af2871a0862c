"""The operators' commands: look into a task, repair many, check a deployment."""

from contextlib import aclosing
from typing import Annotated, Any

import typer
from rich.table import Table

from herald.shared.cli.app import AsJson, Target, TaskId, app, call, err, out, print_json, print_task, text_of
from herald.shared.cli.check import Result, checks
from herald.shared.client.async_herald import AsyncHerald
from herald.shared.client.errors import HeraldError
from herald.shared.tasks.models import EndReason, PublicTask, TaskStatus


@app.command()
def inspect(context: typer.Context, task_id: TaskId, *, as_json: AsJson = False) -> None:
    """Show a task and its history. Operators only."""
    task: dict[str, Any] = call(context, lambda herald: herald.call("GET", f"/api/ops/tasks/{task_id}"))
    if as_json:
        print_json(task, indent=None)
        return
    print_task(PublicTask.model_validate(task))
    table = Table(
        "time", "status", "by", "note", title=f"attempt {task['attempt']}, {task['retryCount']} retries"
    )
    for entry in task["history"]:
        table.add_row(entry["at"], entry["status"], entry["by"], entry.get("note", ""))
    out.print(table)


@app.command("requeue-failed")
def requeue_failed(
    context: typer.Context,
    reason: Annotated[
        EndReason | None, typer.Option(help="Only tasks that failed for this reason.", show_default=False)
    ] = None,
    task_type: Annotated[
        str | None, typer.Option("--type", help="Only tasks of this type.", show_default=False)
    ] = None,
    most: Annotated[int, typer.Option(min=1, help="Maximum number of tasks, newest first.")] = 1000,
    *,
    everything: Annotated[
        bool, typer.Option("--all", help="Include tasks that are not expected to succeed.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list them.")] = False,
) -> None:
    """Retry failed tasks of all users. Operators only."""

    def wanted(task: PublicTask) -> bool:
        return (
            (everything or bool(task.retryable))
            and reason in (None, task.end_reason)
            and task_type in (None, task.type)
        )

    async def requeue(herald: AsyncHerald) -> tuple[int, int]:
        found = failed = 0
        async with aclosing(herald.tasks(status=TaskStatus.FAILED, all_users=True)) as tasks:
            async for task in tasks:
                if not wanted(task):
                    continue
                if found == most:
                    break
                found += 1
                print_task(task)
                try:
                    if not dry_run:
                        await herald.handle(task.task_id).retry()
                except HeraldError as error:  # its owner may have retried it meanwhile
                    failed += 1
                    err.print(f"  not requeued: {text_of(error)}")
        return found, failed

    found, failed = call(context, requeue)
    out.print(f"{found} found" if dry_run else f"{found - failed} of {found} requeued")
    if failed:
        raise typer.Exit(1)


@app.command()
def check(context: typer.Context) -> None:
    """Check a deployment: services, workers and hub. Exits with 1 if anything fails."""
    target: Target = context.obj

    async def run(_: AsyncHerald) -> list[Result]:
        return [result async for result in checks(target.url, target.token)]

    results = call(context, run)
    for result in results:
        out.print(f"{'[green]ok[/]  ' if result.ok else '[red]fail[/]'} {result.name}: {result.detail}")
    if not all(result.ok for result in results):
        raise typer.Exit(1)
