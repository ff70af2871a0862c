"""The ``herald`` app: the options before the command, and what the commands share."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, NamedTuple, NoReturn, TypeVar

import typer
from rich.console import Console

from herald.shared import settings as settings_module
from herald.shared.client.async_herald import AsyncHerald
from herald.shared.client.errors import HeraldError
from herald.shared.client.tokens import TokenSource
from herald.shared.tasks.models import PublicTask
from herald.shared.tokens import TokenIssuer

ResultT = TypeVar("ResultT")

DEFAULT_TTL_S = 3600
INTERRUPTED = 130

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
out = Console()
err = Console(stderr=True)

TaskId = Annotated[str, typer.Argument(help="The task's id, as printed by `submit`.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")]


class Target(NamedTuple):
    """The Herald to connect to, and the token to use."""

    url: str
    token: TokenSource

    def client(self) -> AsyncHerald:
        """A client of it that reports at once if Herald does not respond."""
        return AsyncHerald(self.url, token=self.token, retry_for=0)


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
        typer.Option(
            help="The user to act as, with the scopes operator and service, if a token is issued for you."
        ),
    ] = "operator",
) -> None:
    """Run Herald, and create, follow and repair its tasks."""
    settings = settings_module.load()
    given = token or (settings.token.get_secret_value() if settings.token else None)

    def issue() -> str:
        return TokenIssuer(settings).issue(user, [], DEFAULT_TTL_S, scope="operator service")

    context.obj = Target(url or settings.url, given or issue)


def call(context: typer.Context, work: Callable[[AsyncHerald], Awaitable[ResultT]]) -> ResultT:
    """Run ``work`` with a client, and return its result; an error ends the command with one line."""
    target: Target = context.obj

    async def run() -> ResultT:
        async with target.client() as herald:
            return await work(herald)

    try:
        return asyncio.run(run())
    except HeraldError as error:
        fail(text_of(error))
    except ValueError as error:  # the URL is not an address
        fail(str(error))
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


def text_of(error: HeraldError) -> str:
    """An error as one line, with the status of the response, if there was one."""
    return error.detail if error.status is None else f"{error.status}: {error.detail}"


def fail(message: str) -> NoReturn:
    """Print an error and exit with 1."""
    err.print(f"herald: {message}", highlight=False, markup=False, soft_wrap=True)
    raise typer.Exit(1)


def print_task(task: PublicTask) -> None:
    """Print a task as one line."""
    error = f": {task.last_error}" if task.last_error else ""
    line = f"{task.task_id} {task.type} of {task.user_id}: {task.status}{error}"
    out.print(line, highlight=False, markup=False, soft_wrap=True)


def print_json(value: Any, *, indent: int | None = 2) -> None:
    """Print a JSON value."""
    typer.echo(json.dumps(value, indent=indent, ensure_ascii=False))
