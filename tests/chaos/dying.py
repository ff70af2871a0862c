"""Runs a process of Herald's that kills itself, for good, at the moment that ``DIE_AT`` names.

``module:Class.method`` dies before the method does anything; ``DIE_WHEN`` is a text that the arguments' repr
has to hold. ``DIE_ONCE`` names a file that is made then: while it is there, nobody dies.
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

    def perhaps_die(told: str) -> None:
        if os.environ.get("DIE_WHEN", "") in told and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    async def dies(self: Any, *arguments: Any, **named: Any) -> Any:
        perhaps_die(repr((arguments, named)))
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
