"""Runs the Procfile's programs and, where no URL is set, embedded services; started by ``make run``.

Usage: ``python -m herald.shared.launcher [PROCFILE]``. Programs that exit are restarted until SIGINT, SIGTERM
or SIGHUP. If a program cannot start at all, the launcher stops and returns its exit code.
"""

import re
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

signal.signal(signal.SIGINT, signal.SIG_DFL)  # the imports below are slow; Ctrl-C must not print a traceback

from herald.shared import settings as settings_module  # noqa: E402
from herald.shared.launcher.processes import StartError  # noqa: E402
from herald.shared.launcher.run import Program, run  # noqa: E402

PROCFILE_LINE = re.compile(r"([A-Za-z0-9_-]+):\s*(\S.*)")


def programs_of(procfile: Path) -> dict[str, Program]:
    """The programs of a Procfile: on each line a name and a simple shell command.

    Raises:
        StartError: the file cannot be read or contains no program.
    """
    try:
        lines = procfile.read_text().splitlines()
    except OSError as error:
        raise StartError(f"can't read {procfile} ({error.strerror}); run this in Herald's folder") from None
    commands = {match[1]: match[2] for line in lines if (match := PROCFILE_LINE.fullmatch(line.strip()))}
    if not commands:
        raise StartError(f"{procfile} contains no programs; add lines such as `web: herald web`")
    # `exec` replaces the shell, so that the program itself gets our signals.
    return {name: Program(["sh", "-c", f"exec {command}"]) for name, command in commands.items()}


def main(arguments: Sequence[str]) -> int:
    """Run the Procfile named in ``arguments``, by default ``Procfile``; returns the exit code."""
    if len(arguments) > 1:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        return run(programs_of(Path(*arguments or ["Procfile"])), settings_module.load())
    except StartError as error:
        print(f"herald: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
