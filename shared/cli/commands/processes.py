"""The commands that run Herald: ``herald dev``, ``herald web`` and ``herald worker``."""

import os
import signal
import sys
from typing import Annotated, NoReturn

import typer

from herald.shared import settings as settings_module
from herald.shared.cli.app import app, fail
from herald.shared.task_api.modules import TaskModuleError, require_modules

Modules = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[MODULE]...",
        help="Modules with task types, such as shop.tasks. Defaults to HERALD_TASKS.",
        show_default=False,
    ),
]


@app.command()
def dev(modules: Modules = None) -> None:
    """Run everything on this machine; the worker restarts when code in this folder changes.

    Where HERALD_REDIS_URL or HERALD_MONGO_URL is not set, an embedded server keeps its data in .herald.
    """
    signal.signal(
        signal.SIGINT, signal.SIG_DFL
    )  # the imports below are slow; Ctrl-C must not print a traceback
    from herald.shared.launcher.dev import dev as run_dev  # noqa: PLC0415  only this command needs it
    from herald.shared.launcher.processes import StartError  # noqa: PLC0415

    try:
        code = run_dev(modules or [], settings_module.load())
    except StartError as error:
        fail(str(error))
    raise typer.Exit(code)


@app.command()
def web() -> None:
    """Run a web process, for production."""
    _replace_this_process("herald.server")


@app.command()
def worker(modules: Modules = None) -> None:
    """Run a worker process, for production."""
    names = modules or []
    try:
        require_modules(names)
    except TaskModuleError as error:
        fail(str(error))
    _replace_this_process("herald.worker", *names)


def _replace_this_process(program: str, *arguments: str) -> NoReturn:
    """Continue as ``python -m program``, so that signals reach it and the command line takes no memory."""
    command = [sys.executable, "-m", program, *arguments]
    os.execv(command[0], command)  # noqa: S606  our own command
