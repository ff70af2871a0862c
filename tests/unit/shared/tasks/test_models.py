"""The task model: its transitions, its steps, and its forms on the wire and in MongoDB."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from pydantic import ValidationError

from herald.shared.tasks.models import (
    ACTIVE,
    ENDED,
    TRANSITIONS,
    Step,
    Task,
    TaskStatus,
    Usage,
    interrupted_steps,
    may_become,
    new_task_id,
    now,
)
from tests.support.tasks import a_task


def test_every_status_is_either_active_or_ended() -> None:
    assert set(TaskStatus) == ACTIVE | ENDED == set(TRANSITIONS)
    assert not ACTIVE & ENDED


def test_only_these_transitions_are_legal() -> None:
    legal = {(str(source), str(target)) for source, targets in TRANSITIONS.items() for target in targets}
    assert legal == {
        *(("queued", target) for target in ("processing", "cancelled", "failed")),
        *(
            ("processing", target)
            for target in ("completed", "failed", "retrying", "cancelled", "processing")
        ),
        *(("retrying", target) for target in ("processing", "cancelled", "failed")),
        ("failed", "queued"),
        ("cancelled", "queued"),
    }


@pytest.mark.parametrize("status", TaskStatus)
def test_may_become_inverts_the_table_of_transitions(status: TaskStatus) -> None:
    assert may_become(status) == {source for source in TaskStatus if status in TRANSITIONS[source]}


@pytest.mark.parametrize(
    ("entering", "statuses"),
    [
        ("failed", ["completed", "failed", "failed", "pending"]),
        ("retrying", ["completed", "failed", "failed", "pending"]),
        ("cancelled", ["completed", "pending", "failed", "pending"]),
        ("queued", ["completed", "pending", "pending", "pending"]),
        ("processing", ["completed", "pending", "pending", "pending"]),
    ],
)
def test_a_running_step_ends_with_its_attempt(entering: str, statuses: list[str]) -> None:
    at = now()
    steps = [
        Step(name="done", status="completed", started_at=at, completed_at=at),
        Step(name="interrupted", status="running", started_at=at),
        Step(name="broken", status="failed", started_at=at),
        Step(name="later"),
    ]
    after = interrupted_steps(steps, TaskStatus(entering))
    assert [step.status for step in after] == statuses
    assert after[0] == steps[0]
    for step in after:
        if step.status == "pending":
            assert step == Step(name=step.name), "a pending step has no times"


def test_later_ids_sort_after_earlier_ones() -> None:
    earlier = new_task_id()
    while (later := new_task_id())[:12] == earlier[:12]:
        pass
    assert earlier < later
    assert len(later) == 32


def test_times_are_in_utc_and_whole_milliseconds_so_that_mongodb_stores_them_exactly() -> None:
    at = datetime(2026, 1, 2, 3, 4, 5, 678_901, timezone(timedelta(hours=2)))
    assert Step(name="a", started_at=at).started_at == datetime(2026, 1, 2, 1, 4, 5, 678_000, UTC)
    assert now().microsecond % 1000 == 0


def test_the_wire_form_has_camel_case_names_rfc_3339_times_and_no_empty_fields() -> None:
    wire = a_task(queued_at=datetime(2026, 1, 2, tzinfo=UTC)).public().wire()
    assert wire["queuedAt"] == "2026-01-02T00:00:00Z"
    assert "brandId" not in wire
    assert wire["taskId"] and wire["rev"] == 1 and wire["tick"] == 0


def test_private_fields_are_not_published() -> None:
    task = a_task(idempotency_key="key", request_digest="digest")
    assert {"payload", "history", "idempotencyKey", "requestDigest"}.isdisjoint(task.public().wire())


def test_a_stored_task_is_read_back_unchanged() -> None:
    task = a_task(brand_id="acme", steps=[Step(name="one", status="running", started_at=now())])
    assert Task.model_validate(task.document()) == task


@pytest.mark.parametrize("progress", [-1, 101])
def test_progress_is_a_percentage(progress: int) -> None:
    with pytest.raises(ValidationError):
        a_task(progress=progress)


def test_usage_is_summed() -> None:
    first = Usage(provider="gemini", model="m", input_tokens=1, output_tokens=2)
    assert first.plus(None) == first
    assert first.plus(first) == Usage(provider="gemini", model="m", input_tokens=2, output_tokens=4)
