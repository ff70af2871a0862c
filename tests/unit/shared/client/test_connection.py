"""Requests are repeated where that is safe, tokens are renewed, and errors are exceptions."""

import itertools

import httpx2
import pytest

from herald import (
    Conflict,
    Forbidden,
    HeraldError,
    InvalidPayload,
    NotFound,
    TooManyTasks,
    Unauthorized,
    Unavailable,
)
from tests.support.press import WRITE_PRESS_RELEASE, News
from tests.unit.shared.client.support import Server, problem, task_response

NEWS = News(company="Ada", headline="Tea")
LOST = httpx2.ReadError("connection lost")


async def test_a_start_without_response_is_repeated_with_the_same_key() -> None:
    server = Server(LOST, problem(503), task_response(task_id="t1"))
    handle = await server.client().start(WRITE_PRESS_RELEASE, NEWS)
    assert handle.id == "t1"
    first, *others = server.headers("idempotency-key")
    assert first and others == [first, first]
    assert server.bodies[0] == {
        "type": "WRITE_PRESS_RELEASE",
        "payload": {"company": "Ada", "headline": "Tea", "on": "2027-01-31"},
    }


async def test_each_start_has_its_own_key_unless_one_is_given() -> None:
    server = Server(task_response())
    herald = server.client()
    for _ in range(2):
        await herald.start("A", {"n": 1}, priority="high", brand_id="acme")
    await herald.start("A", {}, idempotency_key="mine")
    one, two, three = server.headers("idempotency-key")
    assert one != two and three == "mine"
    assert server.bodies[0] == {"type": "A", "payload": {"n": 1}, "priority": "high", "brandId": "acme"}


async def test_a_cancel_is_only_repeated_if_it_was_not_received() -> None:
    refused = Server(httpx2.ConnectError("refused"), task_response(status="cancelled"))
    assert (await refused.client().handle("t1").cancel()).status == "cancelled"
    assert len(refused.requests) == 2
    lost = Server(LOST, task_response())
    with pytest.raises(Unavailable, match="connection lost"):
        await lost.client().handle("t1").cancel()
    assert len(lost.requests) == 1


async def test_requests_fail_once_the_time_for_repeating_them_is_over() -> None:
    server = Server(problem(503, headers={"Retry-After": "60"}))
    with pytest.raises(Unavailable) as caught:
        await server.client(retry_for=59).get("t1")
    assert caught.value.retry_after == 60 and len(server.requests) == 1


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        (problem(400), HeraldError),
        (problem(401), Unauthorized),
        (problem(403), Forbidden),
        (problem(404), NotFound),
        (problem(409, taskStatus="completed"), Conflict),
        (problem(422), Conflict),
        (problem(422, errors=[{"pointer": "/payload/on", "detail": "Must be a date"}]), InvalidPayload),
        (problem(429, headers={"Retry-After": "10"}), TooManyTasks),
        (httpx2.Response(504, text="<html>"), Unavailable),
        (httpx2.Response(500, json=["?"]), HeraldError),
    ],
)
async def test_error_responses_are_exceptions(response: httpx2.Response, kind: type[HeraldError]) -> None:
    with pytest.raises(HeraldError) as caught:
        await Server(response).client(retry_for=0).start("A", {})
    assert type(caught.value) is kind and caught.value.status == response.status_code


async def test_an_exception_has_the_problem_s_facts() -> None:
    invalid = problem(422, "no date", errors=[{"pointer": "/payload/on", "detail": "Must be a date"}])
    with pytest.raises(InvalidPayload, match="no date") as caught:
        await Server(invalid).client().start("A", {})
    [error] = caught.value.errors
    assert (error.pointer, error.detail) == ("/payload/on", "Must be a date")
    with pytest.raises(Conflict) as conflict:
        await Server(problem(409, taskStatus="completed")).client().handle("t1").cancel()
    assert conflict.value.task_status == "completed"


async def test_pages_that_are_not_herald_s_are_recognised() -> None:
    with pytest.raises(HeraldError, match=r"Is http://herald\.test Herald's URL"):
        await Server(httpx2.Response(200, text="<html>")).client().get("t1")


async def test_a_rejected_token_is_renewed_once() -> None:
    numbers = itertools.count()
    server = Server(task_response(), problem(401), task_response(), problem(401))
    herald = server.client(token=lambda: f"t{next(numbers)}")
    await herald.get("t1")
    await herald.get("t1")
    with pytest.raises(Unauthorized):
        await herald.get("t1")
    tokens = ["t0", "t0", "t1", "t1", "t2"]
    assert server.headers("authorization") == [f"Bearer {token}" for token in tokens]


async def test_a_token_may_come_from_an_async_function() -> None:
    async def fetch() -> str:
        return "fresh"

    server = Server(task_response())
    await server.client(token=fetch).get("t1")
    assert server.headers("authorization") == ["Bearer fresh"]


async def test_a_fixed_token_that_is_rejected_is_not_sent_again() -> None:
    server = Server(problem(401))
    with pytest.raises(Unauthorized):
        await server.client().get("t1")
    assert len(server.requests) == 1


async def test_requests_for_a_user_name_the_user() -> None:
    server = Server(task_response())
    herald = server.client()
    await herald.as_user("ada").start("A", {})
    await herald.as_user("ada").handle("t1").status()
    await herald.get("t1")
    assert server.headers("herald-user") == ["ada", "ada", None]
    await herald.as_user("Zoë").get("t1")
    assert dict(server.requests[-1].headers.raw)[b"Herald-User"] == "Zoë".encode()
