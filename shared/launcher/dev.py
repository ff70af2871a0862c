"""Runs Herald for somebody who is writing tasks: the worker restarts when their code changes."""

import sys
from collections.abc import Sequence

from herald.shared.launcher.processes import StartError
from herald.shared.launcher.run import HAND_BACK_S, Program, run
from herald.shared.settings import Settings
from herald.shared.task_api.modules import TaskModuleError, require_modules


def dev(modules: Sequence[str], settings: Settings) -> int:
    """Run the web process, a worker and the embedded services until a signal; returns the exit code.

    Args:
        modules: the modules with the worker's task types. None: those of ``HERALD_TASKS``.
        settings: of this process; the programs read the same environment.

    Raises:
        StartError: a module does not exist, or see `run`.
    """
    try:
        require_modules(modules)
    except TaskModuleError as error:
        raise StartError(str(error)) from None
    variables = {"HERALD_COUNT_SOURCE": "1"}  # a step whose code has changed runs again
    python = [sys.executable, "-m"]
    reload = [*python, "herald.shared.launcher.reload", str(settings.worker_grace_s + HAND_BACK_S)]
    programs = {
        "web": Program([*python, "herald.server"]),
        "worker": Program([*reload, *python, "herald.worker", *modules], variables),
    }
    return run(programs, settings)
