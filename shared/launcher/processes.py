"""Start processes in groups of their own and end whole groups, even when this process is killed."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self

WATCHER_ENDS_WITHIN_S = 10
_PR_SET_PDEATHSIG = 1


class StartError(Exception):
    """Something that a person must put right before Herald can start."""


class Watcher:
    """A process that ends the groups started here if this process is killed.

    It notices by the end of a pipe, on every platform. A group is listed before its program runs, so there
    is no moment at which a kill would leave one behind.

    Args:
        held: file descriptors that stay open until the last group has ended, such as a lock's.
        scratch: a directory to remove then.
    """

    def __init__(self, held: Sequence[int] = (), *, scratch: str) -> None:
        self._held = held
        self._scratch = scratch
        self._groups: set[int] = set()
        self._process = self._started()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let the watcher end what is left, and wait for it."""
        self._pipe.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(WATCHER_ENDS_WITHIN_S)

    def revive(self) -> None:
        """Start the watcher again if it has died.

        Raises:
            OSError: the system cannot start another process.
        """
        if self._process.poll() is not None:
            pipe = self._pipe
            self._process = self._started()
            pipe.close()
            for group in self._groups:
                self._tell(f"+{group}\n")

    def list_this_process(self) -> None:
        """List the group that this process leads; called in a child, between its fork and its program."""
        self._tell(f"+{os.getpid()}\n")

    def add(self, group: int) -> None:
        """Remember a listed group for the next watcher, should this one die."""
        self._groups.add(group)

    def remove(self, group: int) -> None:
        """Take a group off the list: its id may soon be another's."""
        if group in self._groups:
            self._groups.remove(group)
            self._tell(f"-{group}\n")

    @property
    def _pipe(self) -> IO[bytes]:
        assert self._process.stdin is not None  # noqa: S101  for mypy
        return self._process.stdin

    def _tell(self, line: str) -> None:
        with suppress(BrokenPipeError):  # the watcher has died; `revive` lists everything again
            os.write(self._pipe.fileno(), line.encode())

    def _started(self) -> subprocess.Popen[bytes]:
        # By its path and isolated: it needs nothing but the standard library, and starts in no time.
        return subprocess.Popen(  # noqa: S603  our own command
            [sys.executable, "-I", "-S", str(Path(__file__).with_name("watcher.py")), self._scratch],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=self._held,
        )


def start(
    command: Sequence[str],
    *,
    output: IO[bytes] | int | None = None,
    env: dict[str, str] | None = None,
    watcher: Watcher | None = None,
) -> subprocess.Popen[bytes]:
    """Start a process that leads a group and a session of its own, out of reach of a terminal's Ctrl-C.

    On Linux it gets SIGTERM when this process ends in any way; with a ``watcher`` its whole group is ended
    then, on every platform. Call it from the main thread: Linux takes the end of the calling thread for that
    of the process.
    """
    if watcher is not None:
        watcher.revive()
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    us = os.getpid()

    def in_child() -> None:
        if watcher is not None:
            watcher.list_this_process()
        if libc is not None:
            libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
            if os.getppid() != us:  # killed before the line above: nobody will send the signal
                os.kill(os.getpid(), signal.SIGKILL)

    process = subprocess.Popen(  # noqa: S603  our own command
        list(command),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output if output != subprocess.PIPE else subprocess.STDOUT,
        env=env,
        start_new_session=True,
        preexec_fn=in_child,  # noqa: PLW1509  no threads run yet
    )
    if watcher is not None:
        watcher.add(process.pid)
    return process


def kill_group(process: subprocess.Popen[bytes], watcher: Watcher | None = None) -> int:
    """Kill a process and all others of its group, and return the exit code of the process."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    code = process.wait()
    if watcher is not None:
        watcher.remove(process.pid)
    return code


def end(process: subprocess.Popen[bytes], within_s: float) -> int:
    """Ask a process to end, kill what is left of its group, and return the exit code of the process."""
    if process.poll() is None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(within_s)
    return kill_group(process)
