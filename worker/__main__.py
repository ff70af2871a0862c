"""``python -m herald.worker [MODULE…]``: the worker process."""

import os
import sys
from collections.abc import Sequence
from importlib.util import find_spec

from arq.cli import cli

from herald.shared.settings import Settings, load_for_service, set_for_children
from herald.shared.task_api.modules import TaskModuleError, import_modules


def main(modules: Sequence[str]) -> None:
    """Import the modules with task types, then run ARQ until SIGINT or SIGTERM.

    Args:
        modules: their names. None: those of ``HERALD_TASKS``.

    Raises:
        SystemExit: ARQ has ended; something is missing; or with `os.EX_CONFIG`, a module cannot be imported.
    """
    if modules:
        set_for_children(HERALD_TASKS=",".join(modules))
    settings = load_for_service()
    _require_gemini(settings)
    try:
        import_modules(settings.task_modules)
    except TaskModuleError as error:
        print(f"herald: {error}", file=sys.stderr)
        sys.exit(os.EX_CONFIG)
    cli(["herald.worker.main.WorkerSettings"], prog_name="python -m herald.worker")


def _require_gemini(settings: Settings) -> None:
    if settings.gemini_api_key is not None and find_spec("genai_prices") is None:
        sys.exit(
            "herald: HERALD_GEMINI_API_KEY is set, but Gemini's client is not installed; "
            "run `pip install 'herald-push[gemini]'`"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
