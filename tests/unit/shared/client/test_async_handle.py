"""Waiting for a result: through outages, until a timeout, and as a value of the task type's result type."""

import asyncio
import pickle
from datetime import date

import httpx2
import pytest

from herald import TaskCancelled, TaskFailed, Unavailable
from herald.shared.client import async_handle
from tests.support.press import WRITE_PRESS_RELEASE, Release
from tests.support.tasks import a_task
from tests.unit.shared.client.support import Server, problem, task_response

RESULT = httpx2.Response(200, json={"paragraphs": ["Tea."], "on": "2027-01-31"})
COMPLETED = task_response(status="completed", etag='"2"')


async def test_a_result_has_the_type_of_the_task_type() -> None:
    herald = Server(COMPLETED, RESULT).client()
    assert await herald.handle("t1", WRITE_PRESS_RELEASE).result() == Release(
        paragraphs=["Tea."], on=date(2027, 1, 31)
    )


async def test_a_result_without_task_type_is_json() -> None:
    result = await Server(COMPLETED, RESULT).client().handle("t1").result()
    assert result == {"paragraphs": ["Tea."], "on": "2027-01-31"}


async def test_waiting_is_a_request_that_is_held_until_the_task_changes() -> None:
    server = Server(task_response(), httpx2.Response(304), COMPLETED, RESULT)
    await server.client().handle("t1").result()
    assert server.headers("prefer") == [None, "wait=25", "wait=25", None]
    assert server.headers("if-none-match") == [None, '"1"', '"1"', None]


async def test_waiting_outlasts_an_outage_but_not_a_server_that_never_answered() -> None:
    outage: list[httpx2.Response | Exception] = [
        httpx2.ConnectError("refused"),
        httpx2.ReadTimeout("slow"),
        problem(502),
    ]
    server = Server(task_response(), *outage, COMPLETED, RESULT)
    await server.client(retry_for=0).handle("t1").result()
    with pytest.raises(Unavailable):
        await Server(*outage).client(retry_for=0).handle("t1").result()


async def test_waiting_goes_on_while_herald_holds_no_more_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(async_handle, "_BUSY_RETRY_S", 0)
    server = Server(task_response(), problem(429), COMPLETED, RESULT)
    await server.client().handle("t1").result()
    assert len(server.requests) == 4


async def test_tasks_that_did_not_complete_raise() -> None:
    failed = task_response(status="failed", last_error="no tea", end_reason="quota")
    with pytest.raises(TaskFailed, match="no tea") as caught:
        await Server(failed).client().handle("t1").result()
    assert (caught.value.message, caught.value.reason) == ("no tea", "quota")
    assert caught.value.task.status == "failed"
    with pytest.raises(TaskCancelled):
        await Server(task_response(status="cancelled")).client().handle("t1").result()
    newer = task_response(status="expired", completed_at="2027-01-31T00:00:00Z")
    with pytest.raises(TaskFailed, match="expired"):
        await Server(newer).client().handle("t1").result()


async def test_a_timeout_names_the_task() -> None:
    async def held(_: httpx2.Request) -> httpx2.Response:
        await asyncio.Event().wait()
        raise AssertionError

    herald = Server(task_response()).client()
    herald._connection._transport = httpx2.MockTransport(held)
    with pytest.raises(TimeoutError, match=r"Task t1 has not ended within 0\.01 s"):
        await herald.handle("t1").result(timeout=0.01)


def test_ended_tasks_travel_between_processes_as_exceptions() -> None:
    error = TaskFailed(a_task(status="failed", last_error="no tea", end_reason="quota"))
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert (copy.message, copy.reason, str(copy)) == ("no tea", "quota", str(error))
