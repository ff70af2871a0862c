"""Starts processes in their own groups, and ends whole groups even if this process is killed."""

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

WATCHER_EXIT_TIMEOUT_S = 10
_PR_SET_PDEATHSIG = 1


class StartError(Exception):
    """Herald cannot start until a person fixes something; the message says what."""


class Watcher:
    """A helper process that ends the process groups started here if this process is killed.

    It notices when its pipe from this process closes, which works on every platform. A group is registered
    before its program runs, so a kill never leaves one behind.

    Args:
        keep_open: file descriptors that stay open until the last group has ended, such as a lock's.
        temp_dir: a directory to remove after that.
    """

    def __init__(self, keep_open: Sequence[int] = (), *, temp_dir: str) -> None:
        self._keep_open = keep_open
        self._temp_dir = temp_dir
        self._groups: set[int] = set()
        self._process = self._spawn_watcher()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the pipe, so that the watcher ends all remaining groups, and wait for it."""
        self._pipe.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(WATCHER_EXIT_TIMEOUT_S)

    def restart_if_dead(self) -> None:
        """Restart the watcher if it has died, and register all groups again.

        Raises:
            OSError: the system cannot start another process.
        """
        if self._process.poll() is not None:
            pipe = self._pipe
            self._process = self._spawn_watcher()
            pipe.close()
            for group in self._groups:
                self._send(f"+{group}\n")

    def register_this_process(self) -> None:
        """Register the group that this process leads; called in a child between fork and exec."""
        self._send(f"+{os.getpid()}\n")

    def add(self, group: int) -> None:
        """Remember a registered group, in case the watcher has to be restarted."""
        self._groups.add(group)

    def remove(self, group: int) -> None:
        """Unregister a group, as the system may reuse its id."""
        if group in self._groups:
            self._groups.remove(group)
            self._send(f"-{group}\n")

    @property
    def _pipe(self) -> IO[bytes]:
        assert self._process.stdin is not None  # noqa: S101  for mypy
        return self._process.stdin

    def _send(self, line: str) -> None:
        with suppress(BrokenPipeError):  # the watcher has died; `restart_if_dead` registers all groups again
            os.write(self._pipe.fileno(), line.encode())

    def _spawn_watcher(self) -> subprocess.Popen[bytes]:
        # Run by its path and isolated: it only needs the standard library, so it starts fast.
        return subprocess.Popen(  # noqa: S603  our own command
            [sys.executable, "-I", "-S", str(Path(__file__).with_name("watcher.py")), self._temp_dir],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=self._keep_open,
        )


def start(
    command: Sequence[str],
    *,
    output: IO[bytes] | int | None = None,
    env: dict[str, str] | None = None,
    watcher: Watcher | None = None,
) -> subprocess.Popen[bytes]:
    """Start a process in a new session, so that a terminal's Ctrl-C does not reach it.

    On Linux it gets SIGTERM when this process ends for any reason. With a ``watcher``, its whole group is
    ended then, on every platform. Call this from the main thread: Linux sends the signal when the calling
    thread ends.

    Args:
        command: the program and its arguments.
        output: where its standard output and error go; inherited by default.
        env: its environment; inherited by default.
        watcher: ends its group if this process is killed.
    """
    if watcher is not None:
        watcher.restart_if_dead()
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    parent = os.getpid()

    def in_child() -> None:
        if watcher is not None:
            watcher.register_this_process()
        if libc is not None:
            libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
            if os.getppid() != parent:  # the parent died before prctl, so no signal will come
                os.kill(os.getpid(), signal.SIGKILL)

    process = subprocess.Popen(  # noqa: S603  our own command
        list(command),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output if output != subprocess.PIPE else subprocess.STDOUT,
        env=env,
        start_new_session=True,
        preexec_fn=in_child,  # noqa: PLW1509  no other threads run yet
    )
    if watcher is not None:
        watcher.add(process.pid)
    return process


def kill_group(process: subprocess.Popen[bytes], watcher: Watcher | None = None) -> int:
    """Kill a process and the rest of its group; returns the process's exit code."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    code = process.wait()
    if watcher is not None:
        watcher.remove(process.pid)
    return code


def end(process: subprocess.Popen[bytes], within_s: float) -> int:
    """Send SIGTERM, wait, and kill the rest of the group; returns the process's exit code."""
    if process.poll() is None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(within_s)
    return kill_group(process)
