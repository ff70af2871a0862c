"""The pauses before a process is started again."""

import subprocess
import sys

from herald.shared.launcher.supervisor import BACK_OFF_MAX_S, STEADY_AFTER_S, Kept


def ended_process() -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process


def test_pauses_grow_to_a_limit_and_start_over_after_a_healthy_run() -> None:
    kept = Kept("worker", ended_process)
    pauses = [kept.back_off() for _ in range(40)]
    assert pauses[:5] == [0, 0.5, 1, 2, 4]
    assert set(pauses[5:]) == {BACK_OFF_MAX_S}
    kept.started_at -= STEADY_AFTER_S + 1
    assert kept.back_off() == 0
