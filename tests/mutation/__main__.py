"""``python -m tests.mutation [WORD…]``: insert one fault at a time and report the faults that no test notices.

With words, only the faults whose path or code contains one of them are run. Each fault is inserted into
a copy of the working tree, two at a time, and only the tests that should notice it run. The exit code is 1
if a fault survives without an explanation, a fault is outdated, or the tests fail without a fault.
"""

import importlib
import os
import pkgutil
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from tests.mutation import faults
from tests.mutation.fault import Fault

ROOT = Path(__file__).resolve().parents[2]
AT_ONCE = 2
WITHIN_S = 300
"""A longer test run hangs because of the fault, which counts as noticed."""


def every_fault() -> list[Fault]:
    """All faults, ordered by file name."""
    names = sorted(module.name for module in pkgutil.iter_modules(faults.__path__))
    modules = [importlib.import_module(f"{faults.__name__}.{name}") for name in names]
    return [fault for module in modules for fault in module.FAULTS]


def misplaced(fault: Fault) -> str | None:
    """Why the fault cannot be inserted, or None if it can."""
    path = ROOT / fault.path
    if not path.is_file():
        return "its file does not exist"
    count = path.read_text().count(fault.code)
    return None if count == 1 else f"its code occurs {count} times, not once"


def copy_tree(directory: Path) -> None:
    """Copy the working tree without ignored files; installed packages are linked."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    ):
        if name and ((ROOT / name).is_file() or (ROOT / name).is_symlink()):
            target = directory / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target, follow_symlinks=False)
    for name in (".venv", "node_modules"):
        (directory / name).unlink(missing_ok=True)
        (directory / name).symlink_to((ROOT / name).resolve())


def passes(tests: str, directory: Path) -> bool:
    """Run the tests in a copy of the tree; return whether they pass."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests.split()]
    if tests.startswith("tests/client/"):
        command = ["node", "--test", *tests.split()]
    with (directory / "output.log").open("w") as log:
        process = subprocess.Popen(
            command,
            cwd=directory,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env={
                **os.environ,
                "PYTHONDONTWRITEBYTECODE": "1",
                "PYTHONPATH": str(directory / ".typing"),  # takes precedence over the installed package
            },
        )
        try:
            return process.wait(WITHIN_S) == 0
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.wait()
            return False


def survives(fault: Fault, directory: Path) -> bool:
    """Insert the fault and run its tests; return whether they still pass."""
    path = directory / fault.path
    original = path.read_text()
    path.write_text(original.replace(fault.code, fault.changed))
    try:
        return passes(fault.tests, directory)
    finally:
        path.write_text(original)


def main(words: list[str]) -> int:
    """Run the faults that match ``words`` and print the results; return the exit code."""
    chosen = [
        fault
        for fault in every_fault()
        if not words or any(word in f"{fault.path} {fault.code} {fault.changed}" for word in words)
    ]
    outdated = [fault for fault in chosen if misplaced(fault)]
    for fault in outdated:
        print(f"OUTDATED  {fault.path}: {misplaced(fault)}\n    {fault.code.strip()}")
    work: queue.SimpleQueue[tuple[str, Fault | None]] = queue.SimpleQueue()
    for tests in dict.fromkeys(fault.tests for fault in chosen):
        work.put((tests, None))  # tests that fail without a fault prove nothing
    for fault in chosen:
        if fault not in outdated:
            work.put((fault.tests, fault))
    broken: list[str] = []
    count = {"noticed": 0, "explained": 0, "survived": 0}

    def worker(directory: Path) -> None:
        copy_tree(directory)
        while True:
            try:
                tests, fault = work.get_nowait()
            except queue.Empty:
                return
            began = time.monotonic()
            if fault is None:
                if not passes(tests, directory):
                    broken.append(tests)
                    print(f"FAILS WITHOUT A FAULT  {tests}", flush=True)
                continue
            outcome = "noticed" if not survives(fault, directory) else "survived"
            if outcome == "survived" and fault.survives_because:
                outcome = "explained"
            count[outcome] += 1
            line = f"{outcome.upper():9} {time.monotonic() - began:4.0f} s  {fault.path}"
            print(f"{line}\n    - {fault.code.strip()}\n    + {fault.changed.strip()}", flush=True)

    with tempfile.TemporaryDirectory(prefix="herald-mutation-") as top:
        threads = [
            threading.Thread(target=worker, args=(Path(top) / str(number),)) for number in range(AT_ONCE)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    print(f"{len(chosen)} faults: " + ", ".join(f"{number} {name}" for name, number in count.items()))
    return 1 if count["survived"] or outdated or broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
