"""The rows in which a task shows its steps."""

from datetime import UTC, datetime, timedelta

from herald.shared.tasks.models import Step
from herald.worker.engine.step_rows import StepRows, declared_rows

AT = datetime(2026, 1, 1, tzinfo=UTC)
LATER = AT + timedelta(minutes=1)


def shown(rows: StepRows) -> list[tuple[str, str, int | None, int | None]]:
    return [(step.name, step.status, step.done, step.total) for step in rows.shown()]


def test_the_declared_steps_come_first_and_keep_their_state() -> None:
    earlier = [Step(name="B", status="completed"), Step(name="Extra")]
    rows = declared_rows(earlier, ["A", "B"])
    assert [(row.name, row.status) for row in rows] == [
        ("A", "pending"),
        ("B", "completed"),
        ("Extra", "pending"),
    ]


def test_a_step_runs_and_is_completed_without_counts() -> None:
    rows = StepRows([])
    row = rows.begin("A", items=1, done=0, at=AT)
    assert shown(rows) == [("A", "running", None, None)]
    assert rows.current() == ("A", 0)
    rows.item_done(row)
    rows.end(row, failed=False, at=LATER)
    [step] = rows.shown()
    assert step == Step(name="A", status="completed", started_at=AT, completed_at=LATER)


def test_the_calls_of_a_name_share_a_row_and_are_counted() -> None:
    rows = StepRows([])
    for number in range(1, 4):
        row = rows.begin("A", items=1, done=0, at=AT if number == 1 else LATER)
        rows.item_done(row)
        rows.end(row, failed=False, at=LATER)
    assert shown(rows) == [("A", "completed", 3, 3)]
    assert rows.shown()[0].started_at == AT


def test_a_row_runs_until_all_its_calls_have_ended() -> None:
    rows = StepRows([])
    row = rows.begin("A", items=1, done=0, at=AT)
    rows.begin("A", items=4, done=1, at=AT)
    rows.end(row, failed=False, at=AT)
    assert shown(rows) == [("A", "running", 1, 5)]
    rows.end(row, failed=True, at=AT)
    assert shown(rows) == [("A", "failed", 1, 5)]


def test_the_current_step_is_the_one_that_began_last_and_runs() -> None:
    rows = StepRows([])
    assert rows.current() == (None, None)
    first = rows.begin("A", items=1, done=0, at=AT)
    second = rows.begin("B", items=1, done=0, at=AT)
    assert rows.current() == ("B", 1)
    rows.end(second, failed=False, at=AT)
    assert rows.current() == ("A", 0)
    rows.end(first, failed=False, at=AT)
    assert rows.current() == ("B", 1)


def test_a_skipped_step_stays_as_the_earlier_attempt_left_it() -> None:
    done = Step(name="A", status="completed", started_at=AT, completed_at=AT, done=3, total=3)
    rows = StepRows([done, Step(name="B")])
    assert not rows.skip("A", items=1, at=LATER)
    assert rows.shown()[0] == done
    assert rows.skip("B", items=2, at=LATER), "the attempt died before it could show that"
    assert shown(rows)[1] == ("B", "completed", 2, 2)


def test_at_most_fifty_steps_are_shown() -> None:
    rows = StepRows([])
    for number in range(60):
        rows.begin(f"Step {number}", items=1, done=0, at=AT)
    assert len(rows.shown()) == 50
    assert rows.current() == ("Step 59", None)
