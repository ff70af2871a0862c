"""The command that lists task types."""

from typing import Any

import typer
from rich.table import Table

from herald.shared.cli.app import AsJson, app, call, out, print_json


@app.command()
def types(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List the task types that you may start."""
    found = call(context, lambda herald: herald.task_types())
    if as_json:
        for each in found:
            print_json(each, indent=None)
        return
    table = Table("type", "payload", "app", "workers", "description")
    for each in found:
        workers = str(each.get("workers", "")) if each["online"] else "none online"
        table.add_row(
            each["type"], _fields(each["payloadSchema"]), each["app"], workers, each.get("description")
        )
    out.print(table)


def _fields(schema: dict[str, Any]) -> str:
    """The names of a payload's fields; optional ones have a question mark."""
    required = schema.get("required", ())
    return ", ".join(name if name in required else f"{name}?" for name in schema.get("properties", ()))
