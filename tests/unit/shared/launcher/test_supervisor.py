"""The delays before a process is restarted."""

import subprocess
import sys

from herald.shared.launcher.supervisor import BACK_OFF_MAX_S, STABLE_AFTER_S, ChildProcess


def ended_process() -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process


def test_restart_delays_double_up_to_a_limit_and_reset_after_a_stable_run() -> None:
    child = ChildProcess("worker", ended_process)
    delays = [child.back_off() for _ in range(40)]
    assert delays[:5] == [0, 0.5, 1, 2, 4]
    assert set(delays[5:]) == {BACK_OFF_MAX_S}
    child.started_at -= STABLE_AFTER_S + 1
    assert child.back_off() == 0
