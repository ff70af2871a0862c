"""Keeps processes alive: starts again what ends, prints their output line by line, stops them in order."""

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

STEADY_AFTER_S = 5.0
"""A process that has run this long is started again without a pause."""
BACK_OFF_FROM_S = 0.5
BACK_OFF_MAX_S = 5.0
TURN_S = 0.1
DISTINCT_AFTER_S = 0.5
"""Signals closer together than this are one wish: ``timeout`` and ``make``, for example, both pass it on."""
COLOURS = (36, 33, 32, 35, 34)
CHUNK = 64 * 1024
LONGEST_LINE = 1024 * 1024


class Stop:
    """Whether somebody wants us to stop, by SIGINT, SIGTERM or SIGHUP; by a second one, at once.

    A SIGHUP that is ignored from the start, as under ``nohup``, stays ignored.
    """

    def __init__(self) -> None:
        self.wanted = False
        self.at_once: int | None = None
        """The signal that asked for it."""
        self._first_at = 0.0

    def listen(self) -> None:
        """Take over the signals."""
        signal.signal(signal.SIGINT, self._heard)
        signal.signal(signal.SIGTERM, self._heard)
        if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
            signal.signal(signal.SIGHUP, self._heard)

    def _heard(self, signum: int, _: FrameType | None) -> None:
        if not self.wanted:
            self.wanted, self._first_at = True, time.monotonic()
        elif signum != signal.SIGHUP and time.monotonic() - self._first_at > DISTINCT_AFTER_S:
            self.at_once = signum


class Output:
    """Standard output, shared by all processes; each line has the time and the name of its process."""

    def __init__(self, stop: Stop) -> None:
        self._stop = stop
        self._colour = sys.stdout.isatty()
        self.width = 0
        """Of the longest name."""

    def say(self, text: str) -> None:
        """Print a line of our own."""
        self._write(f"{text}\n".encode())

    def line(self, name: str, colour: int, line: bytes) -> None:
        """Print a line of a process."""
        prefix = f"{datetime.now():%H:%M:%S} {name:<{self.width}} | "
        if self._colour:
            prefix = f"\x1b[{colour}m{prefix}\x1b[0m"
        self._write(prefix.encode() + line + b"\n")

    def _write(self, data: bytes) -> None:
        while data:
            try:
                data = data[os.write(1, data) :]
            except BlockingIOError:  # another process has made our terminal non-blocking
                time.sleep(0.01)
            except BrokenPipeError:  # whoever read us has gone, as with `make run | head`
                self._stop.wanted = True
                return
            except OSError:  # the terminal is closed, or the disk full: no reason to end
                return


class Kept:
    """One process that is to be kept alive.

    Args:
        spawn: starts it; its standard output is printed if it is a pipe.
        hint: where to read more about its end.
    """

    def __init__(self, name: str, spawn: Callable[[], subprocess.Popen[bytes]], *, hint: str = "") -> None:
        self.name = name
        self.hint = hint
        self.colour = 0
        self.unfinished = b""
        """The line that it has begun to print."""
        self.ends = 0
        """How often it has ended by itself."""
        self.due_at: float | None = None
        """When it is to be started again, if it has ended."""
        self._spawn = spawn
        self._quick_ends = 0
        self.spawn()

    def spawn(self) -> None:
        """Start it.

        Raises:
            OSError: the system cannot start another process.
        """
        self.process = self._spawn()
        self.started_at, self.due_at, self.buried = time.monotonic(), None, False

    @property
    def output(self) -> IO[bytes] | None:
        """What it prints."""
        return self.process.stdout

    @property
    def age_s(self) -> float:
        """Seconds since it was started."""
        return time.monotonic() - self.started_at

    @property
    def end(self) -> str:
        """How it ended, in words."""
        code = self.process.returncode
        if code >= 0:
            return f"exit code {code}"
        with suppress(ValueError):  # a real-time signal has no name
            return f"killed by {signal.Signals(-code).name}"
        return f"killed by signal {-code}"

    def back_off(self) -> float:
        """Seconds to wait before it is started again: none at first, then twice as long each time."""
        if self.age_s > STEADY_AFTER_S:
            self._quick_ends = 0
        self._quick_ends += 1
        if self._quick_ends == 1:
            return 0.0
        return min(BACK_OFF_FROM_S * 2.0 ** min(self._quick_ends - 2, 10), BACK_OFF_MAX_S)


class Supervisor:
    """Keeps processes alive until told to stop; its owner calls `turn` again and again.

    Example::

        supervisor = Supervisor(watcher, Output(stop), stop)
        web = supervisor.keep(Kept("web", spawn_web))
        while not stop.wanted:
            for ended in supervisor.turn():
                supervisor.restart(ended)
        supervisor.stop([web], within_s=15)
    """

    def __init__(self, watcher: Watcher, output: Output, stop: Stop) -> None:
        self._watcher = watcher
        self._output = output
        self._stop = stop
        self._kept: list[Kept] = []
        self._selector = selectors.DefaultSelector()

    def keep(self, kept: Kept) -> Kept:
        """Look after a process from now on."""
        if kept.output is not None:
            printing = sum(other.output is not None for other in self._kept)
            kept.colour = COLOURS[printing % len(COLOURS)]
            self._output.width = max(self._output.width, len(kept.name))
            self._listen_to(kept)
        self._kept.append(kept)
        return kept

    def turn(self) -> list[Kept]:
        """Print what was written, start what is due, and return those that have ended since the last turn.

        Nothing is left of their groups.
        """
        self._print(TURN_S)
        with suppress(OSError):
            self._watcher.revive()
        ended = []
        for kept in self._kept:
            if kept.due_at is not None:
                if time.monotonic() >= kept.due_at and not self._stop.wanted:
                    self._spawn_again(kept)
            elif not kept.buried and kept.process.poll() is not None:
                self._bury(kept)
                ended.append(kept)
        return ended

    def restart(self, kept: Kept) -> None:
        """Start an ended process again, at once or after a pause, and say so."""
        kept.ends += 1
        pause = kept.back_off()
        when = f" in {pause:g} s" if pause else ""
        self._output.say(f"herald: {kept.name} ended ({kept.end}), starting it again{when}{kept.hint}")
        kept.due_at = time.monotonic() + pause
        if not pause:
            self._spawn_again(kept)

    def stop(self, kept: Iterable[Kept], within_s: float) -> None:
        """Stop processes, by force after ``within_s`` seconds or when told to stop at once."""
        stopping = list(kept)
        self._kept = [other for other in self._kept if other not in stopping]
        running = [one for one in stopping if not one.buried]
        for one in running:
            one.process.terminate()
        deadline = time.monotonic() + within_s
        while self._stop.at_once is None and time.monotonic() < deadline:
            if all(one.process.poll() is not None for one in running):
                break
            self._print(TURN_S)
        for one in running:
            if one.process.poll() is None:
                self._output.say(f"herald: {one.name} did not stop, killing it")
            self._bury(one)

    def _bury(self, kept: Kept) -> None:
        kill_group(kept.process, self._watcher)
        kept.buried = True
        if kept.output is not None:
            while self._read(kept):
                pass
            if kept.unfinished:
                self._output.line(kept.name, kept.colour, kept.unfinished)
                kept.unfinished = b""
            with suppress(KeyError):
                self._selector.unregister(kept.output)
            kept.output.close()

    def _spawn_again(self, kept: Kept) -> None:
        try:
            kept.spawn()
        except OSError as error:  # no memory or no process ids left, for now
            kept.due_at = time.monotonic() + BACK_OFF_MAX_S
            self._output.say(f"herald: {kept.name} could not be started ({error}), trying again")
            return
        if kept.output is not None:
            self._listen_to(kept)

    def _listen_to(self, kept: Kept) -> None:
        assert kept.output is not None  # noqa: S101  for mypy
        os.set_blocking(kept.output.fileno(), False)
        self._selector.register(kept.output, selectors.EVENT_READ, kept)

    def _print(self, within_s: float) -> None:
        if not self._selector.get_map():
            time.sleep(within_s)
            return
        for key, _ in self._selector.select(within_s):
            self._read(key.data)

    def _read(self, kept: Kept) -> bool:
        """Print the whole lines of the next piece that a process has written; whether there was one."""
        assert kept.output is not None  # noqa: S101  for mypy
        try:
            chunk = os.read(kept.output.fileno(), CHUNK)
        except BlockingIOError:
            return False
        if not chunk:
            with suppress(KeyError):
                self._selector.unregister(kept.output)
            return False
        *lines, kept.unfinished = (kept.unfinished + chunk).split(b"\n")
        if len(kept.unfinished) > LONGEST_LINE:
            lines, kept.unfinished = [*lines, kept.unfinished], b""
        for line in lines:
            self._output.line(kept.name, kept.colour, line.removesuffix(b"\r"))
        return True
