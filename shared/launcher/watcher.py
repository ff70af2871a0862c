"""Ends process groups when their supervisor has died; a program that `processes.Watcher` starts.

It reads ``+<group>`` and ``-<group>`` lines from standard input. When the input ends, it sends SIGTERM to
every registered group, and SIGKILL to those still alive five seconds later. Then it removes the directory
given as its argument.
"""

import os
import shutil
import signal
import sys
import time

END_WITHIN_S = 5


def main() -> None:
    """Read registrations until the input ends, then end the groups."""
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, signal.SIG_IGN)  # only the end of the input ends the watcher
    groups: set[int] = set()
    for line in sys.stdin:
        group = int(line[1:])
        if line.startswith("+"):
            groups.add(group)
        else:
            groups.discard(group)
    groups = {group for group in groups if _signal(group, signal.SIGTERM)}
    deadline = time.monotonic() + END_WITHIN_S
    while groups and time.monotonic() < deadline:
        time.sleep(0.05)
        groups = {group for group in groups if _signal(group, 0)}
    for group in groups:
        _signal(group, signal.SIGKILL)
    shutil.rmtree(sys.argv[1], ignore_errors=True)


def _signal(group: int, signum: int) -> bool:
    """Send a signal to a group; True if the group still exists."""
    try:
        os.killpg(group, signum)
    except ProcessLookupError:
        return False
    except PermissionError:  # macOS: only zombies are left in the group
        return False
    return True


if __name__ == "__main__":
    main()
