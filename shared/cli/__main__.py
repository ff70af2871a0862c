"""`python -m herald.shared.cli`: start, watch and repair tasks of a running Herald from a terminal."""

import asyncio
import json
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, NamedTuple, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from herald.shared import settings as settings_module
from herald.shared.cli.check import Finding, findings
from herald.shared.cli.follow import events, show
from herald.shared.cli.http import Herald, RefusedError
from herald.shared.tasks.channels import Channel
from herald.shared.tasks.models import EndReason, Priority, TaskStatus
from herald.shared.tokens import TokenIssuer

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
out = Console()
err = Console(stderr=True)

DEFAULT_TTL_S = 3600

TaskId = Annotated[str, typer.Argument(help="The task, as `submit` has printed it.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line, for other programs.")]


class Target(NamedTuple):
    """Which Herald is spoken to, and as whom."""

    url: str
    token: str


@app.callback()
def main(
    context: typer.Context,
    url: Annotated[
        str | None, typer.Option(help="Where Herald is; or HERALD_URL.", show_default=False)
    ] = None,
    token: Annotated[
        str | None, typer.Option(help="Who you are; or HERALD_TOKEN. Unset, one is made.", show_default=False)
    ] = None,
    user: Annotated[
        str,
        typer.Option(help="As whom, where a token is made by HERALD_AUTH_SECRET, with the operator's scope."),
    ] = "operator",
) -> None:
    """Start, watch and repair tasks of a running Herald."""
    settings = settings_module.load()
    given = token or (settings.token.get_secret_value() if settings.token else None)
    made = given or TokenIssuer(settings).issue(user, [], DEFAULT_TTL_S, scope="operator")
    context.obj = Target((url or settings.url).rstrip("/"), made)


@app.command()
def token(
    user: Annotated[str, typer.Argument(help="The token's `sub`.")],
    brand: Annotated[list[str] | None, typer.Option(help="One of its `brands`; may be given again.")] = None,
    *,
    operator: Annotated[
        bool, typer.Option("--operator", help="With the scope of those who run Herald.")
    ] = False,
    ttl: Annotated[int, typer.Option(min=1, help="How long it lasts, in seconds.")] = DEFAULT_TTL_S,
) -> None:
    """Make a token, by the secret in HERALD_AUTH_SECRET."""
    issuer = TokenIssuer(settings_module.load())
    typer.echo(issuer.issue(user, brand or [], ttl, scope="operator" if operator else ""))


@app.command()
def submit(
    context: typer.Context,
    task_type: Annotated[str, typer.Argument(metavar="TYPE", help="Such as GENERATE_BRAND_KIT.")],
    payload: Annotated[str, typer.Argument(help="Its input as JSON, or @FILE.")],
    *,
    priority: Annotated[Priority, typer.Option(help="Before or behind others.")] = Priority.NORMAL,
    brand: Annotated[
        str | None, typer.Option(help="Whose members may see it too.", show_default=False)
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Watch it until it ends.")] = False,
) -> None:
    """Start a task, and print its id."""
    body = {"type": task_type, "payload": _json(payload), "priority": priority}
    if brand is not None:
        body["brandId"] = brand
    task_id = _asked(context, lambda herald: herald.call("POST", "/api/jobs", json=body))["taskId"]
    typer.echo(task_id)
    if follow:
        _watch(context, task_id, as_json=False)


@app.command()
def follow(
    context: typer.Context,
    task_id: Annotated[
        str | None, typer.Argument(help="A task, until it ends; none: all of the user's.", show_default=False)
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Watch a task, or all of a user's, live."""
    _watch(context, task_id, as_json=as_json)


@app.command()
def cancel(context: typer.Context, task_id: TaskId) -> None:
    """Cancel a task that has not ended."""
    _told(_asked(context, lambda herald: herald.call("POST", f"/api/jobs/{task_id}/cancel")))


@app.command()
def retry(context: typer.Context, task_id: TaskId) -> None:
    """Queue a failed or cancelled task again; its finished steps are kept."""
    _told(_asked(context, lambda herald: herald.call("POST", f"/api/jobs/{task_id}/retry")))


@app.command()
def inspect(context: typer.Context, task_id: TaskId, *, as_json: AsJson = False) -> None:
    """Show a task with its history (for operators)."""
    task = _asked(context, lambda herald: herald.call("GET", f"/api/ops/tasks/{task_id}"))
    if as_json:
        typer.echo(json.dumps(task))
        return
    _told(task)
    table = Table(
        "at", "status", "by", "note", title=f"attempt {task['attempt']}, {task['retryCount']} retries"
    )
    for entry in task["history"]:
        table.add_row(entry["at"], entry["status"], entry["by"], entry.get("note", ""))
    out.print(table)


@app.command("requeue-failed")
def requeue_failed(
    context: typer.Context,
    reason: Annotated[
        EndReason | None, typer.Option(help="Only those that failed for it.", show_default=False)
    ] = None,
    task_type: Annotated[
        str | None, typer.Option("--type", help="Only those of it.", show_default=False)
    ] = None,
    most: Annotated[int, typer.Option(min=1, help="How many at most, the newest first.")] = 1000,
    *,
    everything: Annotated[
        bool, typer.Option("--all", help="Also those that are not expected to succeed.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say which ones.")] = False,
) -> None:
    """Queue the failed tasks of all users again (for operators)."""

    async def requeue(herald: Herald) -> tuple[int, int]:
        found = refused = 0
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
            _told(task)
            if not dry_run:
                try:
                    await herald.call("POST", f"/api/jobs/{task['taskId']}/retry")
                except RefusedError as refusal:  # its owner may have been faster
                    refused += 1
                    err.print(f"  not queued: {refusal}")
        return found, refused

    found, refused = _asked(context, requeue)
    out.print(f"{found} found" if dry_run else f"{found - refused} of {found} queued again")
    if refused:
        raise typer.Exit(1)


@app.command()
def check(context: typer.Context) -> None:
    """Check a deployment: its services, its workers, its hub, and the way of an event."""
    target: Target = context.obj

    async def run() -> list[Finding]:
        return [finding async for finding in findings(target.url, target.token)]

    found = asyncio.run(run())
    for finding in found:
        out.print(f"{'[green]ok[/]  ' if finding.good else '[red]bad[/] '} {finding.what}: {finding.told}")
    if not all(finding.good for finding in found):
        raise typer.Exit(1)


def _watch(context: typer.Context, task_id: str | None, *, as_json: bool) -> None:
    """Show what comes; ends with the task, successfully if it was."""
    target: Target = context.obj
    channel = str(Channel.task(task_id)) if task_id else None
    try:
        last = _run(show(events(target.url, target.token, channel), out, task_id, as_json=as_json))
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    if last is not None and last["status"] != TaskStatus.COMPLETED:
        raise typer.Exit(1)


def _asked(context: typer.Context, work: Any) -> Any:
    """What ``work`` gets from Herald."""
    target: Target = context.obj

    async def ask() -> Any:
        async with Herald.at(target.url, target.token) as herald:
            return await work(herald)

    return _run(ask())


def _run(work: Coroutine[Any, Any, Any]) -> Any:
    try:
        return asyncio.run(work)
    except RefusedError as refusal:
        _fail(str(refusal))


def _told(task: dict[str, Any]) -> None:
    fault = f": {task['lastError']}" if task.get("lastError") else ""
    line = f"{task['taskId']} {task['type']} of {task['userId']} is {task['status']}{fault}"
    out.print(line, highlight=False, markup=False, soft_wrap=True)


def _json(text: str) -> Any:
    try:
        return json.loads(Path(text[1:]).read_text() if text.startswith("@") else text)
    except (OSError, ValueError) as error:
        _fail(f"the payload is not JSON: {error}")


def _fail(message: str) -> NoReturn:
    err.print(f"herald: {message}", highlight=False, markup=False, soft_wrap=True)
    raise typer.Exit(1)


if __name__ == "__main__":
    app(prog_name="python -m herald.shared.cli")
