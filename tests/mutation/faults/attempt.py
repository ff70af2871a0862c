"""Faults in the life of an attempt: what is written of it, published, and asked of the model."""

from tests.mutation.fault import Fault

RUN = "tests/integration/test_run.py"

FAULTS = [
    Fault(
        "worker/journal.py",
        "return max(math.floor(self._progress), self.task.progress)",
        "return math.floor(self._progress)",
        RUN,
    ),
]
