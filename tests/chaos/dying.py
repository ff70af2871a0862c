"""Runs a Herald process that kills itself with SIGKILL when it calls a certain method.

``DIE_AT`` names the method as ``module:Class.method``; the process dies before the method does anything. It
dies only if ``DIE_WHEN`` occurs in the ``repr`` of the arguments. It creates the file ``DIE_ONCE`` before it
dies, and does not die while that file exists.
"""

import importlib
import os
import signal
import sys
from pathlib import Path
from typing import Any


def main() -> None:
    module_name, _, path = os.environ["DIE_AT"].partition(":")
    class_name, _, method_name = path.partition(".")
    owner = getattr(importlib.import_module(module_name), class_name)
    method = getattr(owner, method_name)
    mark = Path(os.environ["DIE_ONCE"])

    def die_if_due(arguments: str) -> None:
        if os.environ.get("DIE_WHEN", "") in arguments and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    async def dies(self: Any, *arguments: Any, **named: Any) -> Any:
        die_if_due(repr((arguments, named)))
        return await method(self, *arguments, **named)

    setattr(owner, method_name, dies)
    if sys.argv[1] == "worker":
        from arq.cli import cli

        cli(["herald.worker.main.WorkerSettings"])
    else:
        from herald.server.__main__ import main as serve

        serve()


if __name__ == "__main__":
    main()
