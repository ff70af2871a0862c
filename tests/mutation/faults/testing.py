"""Faults in the test kit: crashes, unused checkpoints, and scripted answers."""

from tests.mutation.fault import Fault

KIT, TESTS = "worker/testing", "tests/unit/worker/testing"

FAULTS = [
    Fault(
        f"{KIT}/store.py",
        "        await self._halt.check()\n",
        "",
        f"{TESTS}/test_runner.py",
    ),
    Fault(
        f"{KIT}/store.py",
        "if stored_in < attempt and",
        "if stored_in > attempt and",
        f"{TESTS}/test_runner.py",
    ),
    Fault(
        f"{KIT}/store.py",
        " and _parent(key) not in used",
        "",
        f"{TESTS}/test_runner.py tests/unit/worker/tasks/test_task_types.py",
    ),
    Fault(
        f"{KIT}/script.py",
        "        answer = self._script.pop(0)\n",
        "        answer = self._script.pop()\n",
        f"{TESTS}/test_script.py",
    ),
    Fault(
        f"{KIT}/runner.py",
        "        if halt.reached.done():\n            halt.reached.result()\n        else:\n",
        "        if not halt.reached.done():\n",
        f"{TESTS}/test_script.py",
    ),
]
