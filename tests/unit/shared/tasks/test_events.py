"""Task events, and the channels that they are published on."""

import json

import pytest

from herald.shared.tasks.events import EVENT_OF_STATUS, TaskEvent
from herald.shared.tasks.models import TaskStatus
from tests.support.tasks import a_task


def test_an_event_carries_the_whole_public_task_on_one_line() -> None:
    task = a_task(status=TaskStatus.PROCESSING, progress=40, rev=5, tick=2, current_step="two\nlines")
    text = TaskEvent.of(task, "task.progress").encode()
    assert "\n" not in text
    event = json.loads(text)
    assert event["type"] == "task.progress"
    assert event["at"].endswith("Z")
    assert event["task"] == task.public().wire()


@pytest.mark.parametrize("status", TaskStatus)
def test_each_status_has_its_own_event(status: TaskStatus) -> None:
    assert TaskEvent.of(a_task(status=status)).type == EVENT_OF_STATUS[status] == f"task.{status}"


def test_an_event_is_published_to_its_user_its_task_and_its_brand() -> None:
    task = a_task(task_id="t", brand_id="acme")
    assert TaskEvent.of(task).channels() == ["tasks#ada", "task:t", "brand:acme"]
    assert TaskEvent.of(a_task(task_id="t")).channels() == ["tasks#ada", "task:t"]
