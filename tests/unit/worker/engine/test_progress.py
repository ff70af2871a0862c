"""The progress of a task, from its steps."""

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from herald.shared.tasks.models import Step
from herald.worker.engine.progress import percent_done
from herald.worker.engine.step_rows import StepRows

AT = datetime(2026, 1, 1, tzinfo=UTC)


def finish(rows: StepRows, name: str) -> None:
    row = rows.begin(name, items=1, done=0, at=AT)
    rows.item_done(row)
    rows.end(row, failed=False, at=AT)


def percent(rows: StepRows, expected: Mapping[str, int], usual_s: Mapping[str, float] | None = None) -> float:
    return round(percent_done(rows.rows(), expected, (usual_s or {}).get), 1)


def test_declared_steps_have_equal_shares_until_their_durations_are_known() -> None:
    rows, declared = StepRows([Step(name=name) for name in "ABCD"]), dict.fromkeys("ABCD", 1)
    assert percent(rows, declared) == 0
    finish(rows, "A")
    assert percent(rows, declared) == 25
    rows.begin("B", items=4, done=0, at=AT).running = {0: 1.0, 1: 0.5, 2: 0.5}
    assert percent(rows, declared) == 37.5
    assert percent(rows, declared, {"A": 1, "B": 4, "C": 4, "D": 1}) == 30
    assert percent(rows, declared, {"A": 10, "B": 20}) == pytest.approx(100 * 20 / 60, abs=0.1), (
        "unknown steps are expected to take as long as the others on average"
    )


def test_a_step_that_the_code_leaves_out_counts_once_a_later_one_has_begun() -> None:
    rows = StepRows([Step(name=name) for name in "ABCD"])
    rows.begin("C", items=1, done=0, at=AT)
    assert percent(rows, dict.fromkeys("ABCD", 1)) == 50


def test_a_step_that_is_usually_called_several_times_is_not_done_after_the_first_call() -> None:
    rows = StepRows([])
    finish(rows, "A")
    assert percent(rows, {"A": 4, "B": 1}) == 12.5
    rows.begin("B", items=1, done=0, at=AT)
    assert percent(rows, {"A": 4, "B": 1}) == 50


def test_without_any_knowledge_two_more_steps_are_assumed_to_follow() -> None:
    rows = StepRows([])
    assert percent(rows, {}) == 0
    rows.begin("A", items=2, done=0, at=AT).running = {0: 1.0}
    assert percent(rows, {}) == 25
    rows = StepRows([])
    for name, expected in (("B", 33.3), ("C", 50), ("D", 60)):
        finish(rows, name)
        assert percent(rows, {}) == expected


def test_the_completed_steps_of_earlier_attempts_count() -> None:
    rows = StepRows([Step(name="A", status="completed"), Step(name="B")])
    assert percent(rows, {"A": 1, "B": 1}) == 50
