"""The ``herald`` command: create, follow and repair tasks of a running Herald from a terminal."""

import asyncio
import json
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, NamedTuple, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from herald.shared import settings as settings_module
from herald.shared.cli import processes
from herald.shared.cli.check import Result, checks
from herald.shared.cli.follow import events, show
from herald.shared.cli.http import Herald, RequestError
from herald.shared.tasks.channels import Channel
from herald.shared.tasks.models import EndReason, Priority, TaskStatus
from herald.shared.tokens import TokenIssuer

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
processes.register(app)
out = Console()
err = Console(stderr=True)

DEFAULT_TTL_S = 3600

TaskId = Annotated[str, typer.Argument(help="The task's id, as printed by `submit`.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")]


class Target(NamedTuple):
    """The Herald to talk to, and the token to use."""

    url: str
    token: str


@app.callback()
def main(
    context: typer.Context,
    url: Annotated[
        str | None, typer.Option(help="Herald's URL. Defaults to HERALD_URL.", show_default=False)
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(
            help="Your token. Defaults to HERALD_TOKEN; without one, HERALD_AUTH_SECRET signs one for you.",
            show_default=False,
        ),
    ] = None,
    user: Annotated[
        str,
        typer.Option(help="The user to act as, with operator scope, if a token is issued for you."),
    ] = "operator",
) -> None:
    """Create, follow and repair tasks of a running Herald."""
    settings = settings_module.load()
    token = token or (settings.token.get_secret_value() if settings.token else None)
    token = token or TokenIssuer(settings).issue(user, [], DEFAULT_TTL_S, scope="operator")
    context.obj = Target((url or settings.url).rstrip("/"), token)


@app.command()
def token(
    user: Annotated[str, typer.Argument(help="The user's id (`sub`).")],
    brand: Annotated[
        list[str] | None, typer.Option(help="A brand to grant access to. Repeat for more.")
    ] = None,
    *,
    operator: Annotated[bool, typer.Option("--operator", help="Grant operator scope.")] = False,
    ttl: Annotated[int, typer.Option(min=1, help="Lifetime in seconds.")] = DEFAULT_TTL_S,
) -> None:
    """Issue a token, signed with HERALD_AUTH_SECRET."""
    issuer = TokenIssuer(settings_module.load())
    typer.echo(issuer.issue(user, brand or [], ttl, scope="operator" if operator else ""))


@app.command()
def submit(
    context: typer.Context,
    task_type: Annotated[
        str, typer.Argument(metavar="TYPE", help="The task type, such as GENERATE_BRAND_KIT.")
    ],
    payload: Annotated[str, typer.Argument(help="The payload as JSON, or @FILE to read it from a file.")],
    *,
    priority: Annotated[Priority, typer.Option(help="Its priority in the queue.")] = Priority.NORMAL,
    brand: Annotated[
        str | None, typer.Option(help="The brand it belongs to; its members can see it.", show_default=False)
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Follow it until it ends.")] = False,
) -> None:
    """Create a task and print its id."""
    body = {"type": task_type, "payload": _json(payload), "priority": priority}
    if brand is not None:
        body["brandId"] = brand
    task_id = _call(context, lambda herald: herald.call("POST", "/api/jobs", json=body))["taskId"]
    typer.echo(task_id)
    if follow:
        _watch(context, task_id, as_json=False)


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
    _watch(context, task_id, as_json=as_json)


@app.command()
def cancel(context: typer.Context, task_id: TaskId) -> None:
    """Cancel an active task."""
    _print_task(_call(context, lambda herald: herald.call("POST", f"/api/jobs/{task_id}/cancel")))


@app.command()
def retry(context: typer.Context, task_id: TaskId) -> None:
    """Retry a failed or cancelled task. Completed steps are kept."""
    _print_task(_call(context, lambda herald: herald.call("POST", f"/api/jobs/{task_id}/retry")))


@app.command()
def inspect(context: typer.Context, task_id: TaskId, *, as_json: AsJson = False) -> None:
    """Show a task and its history. Operators only."""
    task = _call(context, lambda herald: herald.call("GET", f"/api/ops/tasks/{task_id}"))
    if as_json:
        typer.echo(json.dumps(task))
        return
    _print_task(task)
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

    async def requeue(herald: Herald) -> tuple[int, int]:
        found = failed = 0
        async for task in herald.tasks("failed"):
            wanted = everything or task.get("retryable")
            if (
                not wanted
                or reason not in (None, task.get("endReason"))
                or task_type not in (None, task["type"])
            ):
                continue
            if found == most:
                break
            found += 1
            _print_task(task)
            if not dry_run:
                try:
                    await herald.call("POST", f"/api/jobs/{task['taskId']}/retry")
                except RequestError as error:  # its owner may have retried it meanwhile
                    failed += 1
                    err.print(f"  not requeued: {error}")
        return found, failed

    found, failed = _call(context, requeue)
    out.print(f"{found} found" if dry_run else f"{found - failed} of {found} requeued")
    if failed:
        raise typer.Exit(1)


@app.command()
def check(context: typer.Context) -> None:
    """Check a deployment: services, workers and hub. Exits with 1 if anything fails."""
    target: Target = context.obj

    async def run() -> list[Result]:
        return [result async for result in checks(target.url, target.token)]

    results = asyncio.run(run())
    for result in results:
        out.print(f"{'[green]ok[/]  ' if result.ok else '[red]fail[/]'} {result.name}: {result.detail}")
    if not all(result.ok for result in results):
        raise typer.Exit(1)


def _watch(context: typer.Context, task_id: str | None, *, as_json: bool) -> None:
    """Show events until the task ends; exits with 1 unless it completed."""
    target: Target = context.obj
    channel = str(Channel.task(task_id)) if task_id else None
    try:
        last = _run(show(events(target.url, target.token, channel), out, task_id, as_json=as_json))
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    if last is not None and last["status"] != TaskStatus.COMPLETED:
        raise typer.Exit(1)


def _call(context: typer.Context, work: Any) -> Any:
    """Run ``work`` with a connection to Herald, and return its result."""
    target: Target = context.obj

    async def call() -> Any:
        async with Herald.at(target.url, target.token) as herald:
            return await work(herald)

    return _run(call())


def _run(work: Coroutine[Any, Any, Any]) -> Any:
    try:
        return asyncio.run(work)
    except RequestError as error:
        _fail(str(error))


def _print_task(task: dict[str, Any]) -> None:
    error = f": {task['lastError']}" if task.get("lastError") else ""
    line = f"{task['taskId']} {task['type']} of {task['userId']}: {task['status']}{error}"
    out.print(line, highlight=False, markup=False, soft_wrap=True)


def _json(text: str) -> Any:
    try:
        return json.loads(Path(text[1:]).read_text() if text.startswith("@") else text)
    except (OSError, ValueError) as error:
        _fail(f"Can't read the payload as JSON: {error}")


def _fail(message: str) -> NoReturn:
    err.print(f"herald: {message}", highlight=False, markup=False, soft_wrap=True)
    raise typer.Exit(1)


if __name__ == "__main__":
    app(prog_name="python -m herald.shared.cli")
