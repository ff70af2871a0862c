"""Messages become updates: in order, each once, with the state of the task."""

from typing import Any

from herald import Update
from herald.shared.client.updates import UpdateReader
from herald.shared.tasks.events import TaskEvent
from tests.support.tasks import a_task

TASK = a_task(status="processing", current_step="Writing", progress=7, rev=3, tick=1)
DELTA = {
    "type": "task.delta", "at": "2027-01-31T00:00:00Z", "taskId": TASK.task_id,
    "attempt": 1, "step": "Writing", "start": 0, "text": "Tea",
}  # fmt: skip
EMITTED = {
    "type": "task.emitted", "at": "2027-01-31T00:00:00Z", "taskId": TASK.task_id,
    "attempt": 1, "name": "row", "data": [1],
}  # fmt: skip


def event(rev: int, tick: int = 0, kind: Any = "task.progress") -> dict[str, Any]:
    return TaskEvent.of(TASK.model_copy(update={"rev": rev, "tick": tick}), kind).wire()


def kinds(updates: list[Update]) -> list[str]:
    return [update.kind for update in updates]


def test_an_update_has_the_task_s_state() -> None:
    [update] = UpdateReader().read(event(3, kind="task.step"))
    assert (update.kind, update.status, update.progress, update.step) == ("step", "processing", 7, "Writing")


def test_states_that_are_not_newer_are_dropped() -> None:
    reader = UpdateReader()
    messages = [event(3, 1), event(3, 1), event(2, 9), event(3, 2), event(4)]
    assert [update.task.rev for each in messages for update in reader.read(each)] == [3, 3, 4]


def test_drafts_and_emitted_data_carry_the_newest_state() -> None:
    reader = UpdateReader()
    list(reader.read(event(3)))
    [draft] = reader.read(DELTA)
    assert draft.kind == "draft" and draft.draft and draft.draft.text == "Tea" and draft.task.rev == 3
    [emitted] = reader.read(EMITTED)
    assert emitted.kind == "emitted" and emitted.emitted and emitted.emitted.data == [1]


def test_earlier_messages_come_before_the_snapshot() -> None:
    snapshot = TASK.model_copy(update={"rev": 5, "tick": 0}).public().wire()
    assert kinds(list(UpdateReader().begin([snapshot], [DELTA, event(3), event(4)]))) == [
        "draft", "progress", "progress", "snapshot",
    ]  # fmt: skip
    assert kinds(list(UpdateReader().begin([snapshot], [event(4), event(5)]))) == ["progress", "progress"]


def test_messages_of_a_newer_herald_are_tolerated() -> None:
    reader = UpdateReader()
    [update] = reader.read({**event(3), "type": "task.waiting"})
    assert update.kind == "waiting"
    assert list(reader.read({"type": "task.unheardOf"})) == []
