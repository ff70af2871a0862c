"""The commands about task types: list them, and write TypeScript for them."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from herald.shared.cli.app import AsJson, app, call, fail, out, print_json
from herald.shared.cli.typescript import typescript


@app.command()
def types(
    context: typer.Context,
    *,
    to: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Write to this file.", show_default=False),
    ] = None,
) -> None:
    """Write TypeScript for the payloads and results of all task types that you may start."""
    found = call(context, lambda herald: herald.task_types())
    if not found:
        fail("No task type is registered. Start a worker first.")
    module = typescript([each.wire() for each in found])
    if to is None:
        typer.echo(module, nl=False)
        return
    try:
        to.write_text(module, encoding="utf-8")
    except OSError as error:
        fail(f"Can't write {to}: {error.strerror}")
    out.print(f"Wrote {to}", highlight=False, markup=False, soft_wrap=True)


@app.command("task-types")
def task_types(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List the task types that you may start."""
    found = call(context, lambda herald: herald.task_types())
    if as_json:
        for each in found:
            print_json(each.wire(), indent=None)
        return
    table = Table("type", "payload", "app", "workers", "description")
    for each in found:
        workers = str(each.workers) if each.online else "none online"
        table.add_row(each.type, _fields(each.payload_schema), each.app, workers, each.description)
    out.print(table)


def _fields(schema: dict[str, Any]) -> str:
    """The names of a payload's fields; optional ones have a question mark."""
    required = schema.get("required", ())
    return ", ".join(name if name in required else f"{name}?" for name in schema.get("properties", ()))
