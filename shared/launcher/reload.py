"""Runs a program, and runs it again whenever Python code in the current directory changes.

Usage: ``python -m herald.shared.launcher.reload SECONDS COMMAND…``, where the program may take ``SECONDS`` to
stop. If the program exits with ``EX_CONFIG``, because of an error in somebody's code, the next change starts
it again. If it ends for another reason, this process ends in the same way.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType

from watchfiles import PythonFilter, watch


class Reloader:
    """The program, and when to stop watching. watchfiles calls `is_set` every 50 ms."""

    def __init__(self, command: Sequence[str], stop_within_s: float) -> None:
        self._command = command
        self._stop_within_s = stop_within_s
        self._stopping = False
        self._waiting = False
        self._process = self._start()

    def is_set(self) -> bool:
        """Whether a signal requested a stop, or the program has exited and a change would not help."""
        code = self._process.poll()
        if code == os.EX_CONFIG and not self._waiting:
            self._waiting = True
            print("herald: the worker starts again when you save a change", flush=True)
        return self._stopping or code not in (None, os.EX_CONFIG)

    def request_stop(self, _signal: int, _frame: FrameType | None) -> None:
        """Stop watching; the signal handler."""
        self._stopping = True

    def restart(self) -> None:
        """Stop the program and start it again, unless a stop was requested meanwhile."""
        self.stop()
        if not self._stopping:
            self._process, self._waiting = self._start(), False

    def stop(self) -> int:
        """Stop the program, or kill it if that takes too long; returns its exit code."""
        self._process.terminate()
        try:
            return self._process.wait(self._stop_within_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self._command)  # noqa: S603  our own command


def main(stop_within_s: float, command: Sequence[str]) -> int:
    """Run ``command`` until it exits or a signal stops it; returns its exit code (a signal is negative)."""
    reloader = Reloader(command, stop_within_s)
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, reloader.request_stop)
    here = Path.cwd()
    for changes in watch(
        here, watch_filter=PythonFilter(), stop_event=reloader, ignore_permission_denied=True
    ):
        names = sorted({str(Path(path).relative_to(here)) for _, path in changes})
        print(f"herald: {', '.join(names)} changed, restarting the worker", flush=True)
        reloader.restart()
    return reloader.stop()


def _exit_with(code: int) -> None:
    """End this process as the program has ended: with its exit code, or by the same signal."""
    if code >= 0:
        sys.exit(code)
    with suppress(OSError):  # SIGKILL has no handler
        signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)


if __name__ == "__main__":
    _exit_with(main(float(sys.argv[1]), sys.argv[2:]))
