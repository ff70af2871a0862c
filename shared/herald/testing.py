"""Runs your tasks in tests: the worker's own engine, without any service or network.

Example::

    def test_a_press_release_has_a_paragraph_for_each_point() -> None:
        done = run_sync(write_press_release, News(company="Northlight", headline="The kiln is lit"))
        assert len(done.result.paragraphs) == 3
"""

from herald.worker.testing.outcome import StepRun, StreamedDraft, TestRun
from herald.worker.testing.runner import run, run_sync

__all__ = ["StepRun", "StreamedDraft", "TestRun", "run", "run_sync"]
