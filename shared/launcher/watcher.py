"""Ends process groups when their supervisor is gone; `processes.Watcher` runs it as a program.

It reads ``+<group>`` and ``-<group>`` lines from standard input. When the input ends, it sends SIGTERM to
every group that is still listed, and SIGKILL to what is left five seconds later. Then it removes the
directory that its argument names.
"""

import os
import shutil
import signal
import sys
import time

END_WITHIN_S = 5


def main() -> None:
    """Read until the end of the input, then end the groups."""
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, signal.SIG_IGN)  # only the end of the input counts
    groups: set[int] = set()
    for line in sys.stdin:
        group = int(line[1:])
        if line.startswith("+"):
            groups.add(group)
        else:
            groups.discard(group)
    groups = {group for group in groups if _reached(group, signal.SIGTERM)}
    deadline = time.monotonic() + END_WITHIN_S
    while groups and time.monotonic() < deadline:
        time.sleep(0.05)
        groups = {group for group in groups if _reached(group, 0)}
    for group in groups:
        _reached(group, signal.SIGKILL)
    shutil.rmtree(sys.argv[1], ignore_errors=True)


def _reached(group: int, signum: int) -> bool:
    """Send a signal to a group; whether anybody was there to get it."""
    try:
        os.killpg(group, signum)
    except ProcessLookupError:
        return False
    except PermissionError:  # macOS says so of a group that has only zombies left
        return False
    return True


if __name__ == "__main__":
    main()
