"""Keeps child processes running: restarts those that exit, prints their output, stops them in order."""

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime
from types import FrameType
from typing import IO

from herald.shared.launcher.processes import Watcher, kill_group

STABLE_AFTER_S = 5.0
"""A process that has run this long is restarted without a delay."""
BACK_OFF_FROM_S = 0.5
BACK_OFF_MAX_S = 5.0
POLL_S = 0.1
DISTINCT_AFTER_S = 0.5
"""Signals closer together than this count as one: ``timeout`` and ``make``, for example, both forward it."""
COLOURS = (36, 33, 32, 35, 34)
CHUNK_BYTES = 64 * 1024
MAX_LINE_BYTES = 1024 * 1024


class StopSignals:
    """Listens for SIGINT, SIGTERM and SIGHUP: the first requests a graceful stop, a second one forces it.

    If SIGHUP is ignored at the start, as under ``nohup``, it stays ignored.
    """

    def __init__(self) -> None:
        self.requested = False
        self.forced_by: int | None = None
        """The second signal, which forces an immediate stop."""
        self._first_at = 0.0

    def listen(self) -> None:
        """Install the signal handlers."""
        signal.signal(signal.SIGINT, self._handle)
        signal.signal(signal.SIGTERM, self._handle)
        if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
            signal.signal(signal.SIGHUP, self._handle)

    def _handle(self, signum: int, _: FrameType | None) -> None:
        if not self.requested:
            self.requested, self._first_at = True, time.monotonic()
        elif signum != signal.SIGHUP and time.monotonic() - self._first_at > DISTINCT_AFTER_S:
            self.forced_by = signum


class Output:
    """Standard output, shared by all processes; their lines get the time and the process's name in front."""

    def __init__(self, stop: StopSignals) -> None:
        self._stop = stop
        self._colour = sys.stdout.isatty()
        self.width = 0
        """Width of the name column: the length of the longest name."""

    def message(self, text: str) -> None:
        """Print a line of the launcher itself."""
        self._write(f"{text}\n".encode())

    def line(self, name: str, colour: int, line: bytes) -> None:
        """Print a line of a process's output."""
        prefix = f"{datetime.now():%H:%M:%S} {name:<{self.width}} | "
        if self._colour:
            prefix = f"\x1b[{colour}m{prefix}\x1b[0m"
        self._write(prefix.encode() + line + b"\n")

    def _write(self, data: bytes) -> None:
        while data:
            try:
                data = data[os.write(1, data) :]
            except BlockingIOError:  # another process has set the terminal to non-blocking
                time.sleep(0.01)
            except BrokenPipeError:  # the reader has exited, as with `make run | head`
                self._stop.requested = True
                return
            except OSError:  # the terminal is closed, or the disk is full: keep running
                return


class ChildProcess:
    """One process under supervision.

    Args:
        name: shown in front of each line of its output.
        spawn: starts the process; if its standard output is a pipe, it is printed.
        hint: added to the message when it exits, such as where its log is.
    """

    def __init__(self, name: str, spawn: Callable[[], subprocess.Popen[bytes]], *, hint: str = "") -> None:
        self.name = name
        self.hint = hint
        self.colour = 0
        self.partial_line = b""
        """Output after the last line break."""
        self.restarts = 0
        """How often it has been restarted."""
        self.restart_at: float | None = None
        """When to start it again (`time.monotonic`), after it has exited."""
        self._spawn = spawn
        self._quick_exits = 0
        self.spawn()

    def spawn(self) -> None:
        """Start the process.

        Raises:
            OSError: the system cannot start another process.
        """
        self.process = self._spawn()
        self.started_at, self.restart_at, self.cleaned_up = time.monotonic(), None, False

    @property
    def output(self) -> IO[bytes] | None:
        """Its standard output, if that is a pipe."""
        return self.process.stdout

    @property
    def age_s(self) -> float:
        """Seconds since it was started."""
        return time.monotonic() - self.started_at

    @property
    def exit_reason(self) -> str:
        """How the process exited, in words."""
        code = self.process.returncode
        if code >= 0:
            return f"exit code {code}"
        with suppress(ValueError):  # a real-time signal has no name
            return f"killed by {signal.Signals(-code).name}"
        return f"killed by signal {-code}"

    def back_off(self) -> float:
        """Seconds to wait before the next start: none at first, then doubling with every quick exit."""
        if self.age_s > STABLE_AFTER_S:
            self._quick_exits = 0
        self._quick_exits += 1
        if self._quick_exits == 1:
            return 0.0
        return min(BACK_OFF_FROM_S * 2.0 ** min(self._quick_exits - 2, 10), BACK_OFF_MAX_S)


class Supervisor:
    """Restarts processes that exit. Its owner calls `poll` in a loop and decides what to restart.

    Example::

        supervisor = Supervisor(watcher, Output(stop), stop)
        web = supervisor.add(ChildProcess("web", spawn_web))
        while not stop.requested:
            for exited in supervisor.poll():
                supervisor.restart(exited)
        supervisor.stop([web], within_s=15)
    """

    def __init__(self, watcher: Watcher, output: Output, stop: StopSignals) -> None:
        self._watcher = watcher
        self._output = output
        self._stop = stop
        self._children: list[ChildProcess] = []
        self._selector = selectors.DefaultSelector()

    def add(self, child: ChildProcess) -> ChildProcess:
        """Supervise a process from now on."""
        if child.output is not None:
            printing = sum(other.output is not None for other in self._children)
            child.colour = COLOURS[printing % len(COLOURS)]
            self._output.width = max(self._output.width, len(child.name))
            self._listen_to(child)
        self._children.append(child)
        return child

    def poll(self) -> list[ChildProcess]:
        """Print new output, start the processes that are due, and return those that have exited.

        The whole process group of an exited process is killed before it is returned.
        """
        self._print(POLL_S)
        with suppress(OSError):
            self._watcher.restart_if_dead()
        exited = []
        for child in self._children:
            if child.restart_at is not None:
                if time.monotonic() >= child.restart_at and not self._stop.requested:
                    self._respawn(child)
            elif not child.cleaned_up and child.process.poll() is not None:
                self._clean_up(child)
                exited.append(child)
        return exited

    def restart(self, child: ChildProcess) -> None:
        """Restart an exited process, at once or after a delay, and print a message."""
        child.restarts += 1
        delay_s = child.back_off()
        when = f" in {delay_s:g} s" if delay_s else ""
        self._output.message(
            f"herald: {child.name} exited ({child.exit_reason}), restarting{when}{child.hint}"
        )
        child.restart_at = time.monotonic() + delay_s
        if not delay_s:
            self._respawn(child)

    def stop(self, children: Iterable[ChildProcess], within_s: float) -> None:
        """Stop processes; kill them after ``within_s`` seconds or on a second signal."""
        stopping = list(children)
        self._children = [other for other in self._children if other not in stopping]
        running = [child for child in stopping if not child.cleaned_up]
        for child in running:
            child.process.terminate()
        deadline = time.monotonic() + within_s
        while self._stop.forced_by is None and time.monotonic() < deadline:
            if all(child.process.poll() is not None for child in running):
                break
            self._print(POLL_S)
        for child in running:
            if child.process.poll() is None:
                self._output.message(f"herald: {child.name} did not stop in time, killing it")
            self._clean_up(child)

    def _clean_up(self, child: ChildProcess) -> None:
        kill_group(child.process, self._watcher)
        child.cleaned_up = True
        if child.output is not None:
            while self._read(child):
                pass
            if child.partial_line:
                self._output.line(child.name, child.colour, child.partial_line)
                child.partial_line = b""
            with suppress(KeyError):
                self._selector.unregister(child.output)
            child.output.close()

    def _respawn(self, child: ChildProcess) -> None:
        try:
            child.spawn()
        except OSError as error:  # out of memory or process ids, for now
            child.restart_at = time.monotonic() + BACK_OFF_MAX_S
            self._output.message(
                f"herald: couldn't start {child.name} ({error}), trying again in {BACK_OFF_MAX_S:g} s"
            )
            return
        if child.output is not None:
            self._listen_to(child)

    def _listen_to(self, child: ChildProcess) -> None:
        assert child.output is not None  # noqa: S101  for mypy
        os.set_blocking(child.output.fileno(), False)
        self._selector.register(child.output, selectors.EVENT_READ, child)

    def _print(self, within_s: float) -> None:
        if not self._selector.get_map():
            time.sleep(within_s)
            return
        for key, _ in self._selector.select(within_s):
            self._read(key.data)

    def _read(self, child: ChildProcess) -> bool:
        """Read a chunk of a process's output and print its complete lines; False if there was none."""
        assert child.output is not None  # noqa: S101  for mypy
        try:
            chunk = os.read(child.output.fileno(), CHUNK_BYTES)
        except BlockingIOError:
            return False
        if not chunk:
            with suppress(KeyError):
                self._selector.unregister(child.output)
            return False
        *lines, child.partial_line = (child.partial_line + chunk).split(b"\n")
        if len(child.partial_line) > MAX_LINE_BYTES:
            lines, child.partial_line = [*lines, child.partial_line], b""
        for line in lines:
            self._output.line(child.name, child.colour, line.removesuffix(b"\r"))
        return True
