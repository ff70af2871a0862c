"""Rejected requests: every error is a problem document that names the cause."""

from typing import Any

import pytest

from herald.shared.settings import Settings
from tests.support.client import PERSONAS, Herald
from tests.support.problems import problem


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        ([], 422, ""),
        ({}, 422, "/type"),
        (PERSONAS | {"type": "GENERATE_NOTHING"}, 422, "/type"),
        (PERSONAS | {"payload": {}}, 422, "/payload/product"),
        (PERSONAS | {"payload": {"product": "x", "count": 11}}, 422, "/payload/count"),
        (PERSONAS | {"payload": {"product": "x", "sum": 11}}, 422, "/payload/sum"),
        (PERSONAS | {"priority": "urgent"}, 422, "/priority"),
        (PERSONAS | {"maxRetries": -1}, 422, "/maxRetries"),
        (PERSONAS | {"userId": "bob"}, 422, "/userId"),
    ],
)
async def test_an_invalid_field_is_named(herald: Herald, body: Any, status: int, pointer: str) -> None:
    refused = problem(await herald.post("/api/jobs", json=body), status)
    assert pointer in [error["pointer"] for error in refused["errors"]]
    assert (await herald.get("/api/jobs")).json()["tasks"] == []


@pytest.mark.parametrize(
    ("wrong", "value"),
    [
        ({"priority": "urgent"}, '"urgent"'),
        ({"maxRetries": -1}, "-1"),
        ({"type": "GENERATE_NOTHING"}, '"GENERATE_NOTHING"'),
        ({"payload": {"product": "x" * 3000}}, '"' + "x" * 59 + "…"),
        ({"payload": {"product": {"a": None}}}, '{"a": null}'),
    ],
)
async def test_an_error_quotes_the_invalid_value(herald: Herald, wrong: Any, value: str) -> None:
    refused = problem(await herald.post("/api/jobs", json=PERSONAS | wrong), 422)
    assert refused["errors"][0]["detail"].endswith(f"got {value}")
    assert refused["detail"].endswith(refused["errors"][0]["detail"])


@pytest.mark.parametrize("value", [True, "3", 2.5])
async def test_numeric_strings_booleans_and_fractions_are_rejected(herald: Herald, value: Any) -> None:
    refused = problem(await herald.post("/api/jobs", json={**PERSONAS, "maxRetries": value}), 422)
    assert refused["errors"][0]["pointer"] == "/maxRetries"


async def test_many_invalid_fields_get_a_short_response(herald: Herald) -> None:
    many = {f"~/{number}": 1 for number in range(15_000)}
    response = await herald.post("/api/jobs", json=PERSONAS | many)
    refused = problem(response, 422)
    assert len(refused["errors"]) == 20
    assert refused["detail"].endswith("(and 14980 more errors)")
    assert refused["errors"][0]["pointer"] == "/~0~10", "a JSON pointer escapes ~ and /"
    long = problem(await herald.post("/api/jobs", json=PERSONAS | {"k" * 100_000: 1}), 422)
    assert len(str(long)) < 2000


async def test_a_start_date_past_the_calendar_is_rejected(herald: Herald) -> None:
    plan: dict[str, Any] = {"objective": "Grow", "keywords": ["tea"], "settings": {"startDate": "9999-12-31"}}
    refused = problem(
        await herald.post("/api/jobs", json={"type": "GENERATE_MEDIA_PLAN", "payload": plan}), 422
    )
    assert refused["errors"][0]["pointer"] == "/payload/settings/startDate"
    assert refused["errors"][0]["detail"].endswith('got "9999-12-31"')


async def test_bodies_that_are_not_json_or_too_large_are_rejected(herald: Herald, settings: Settings) -> None:
    problem(await herald.post("/api/jobs", content=b"{nonsense"), 400)
    problem(await herald.post("/api/jobs", content=b"\xff\xfe\x00"), 400)
    problem(await herald.post("/api/jobs", content=b" " * (settings.max_body_bytes + 1)), 413)


@pytest.mark.parametrize("method_and_path", ["POST /api/jobs?action=delete", "GET /api/jobs?action=create"])
async def test_an_unknown_action_is_rejected(herald: Herald, method_and_path: str) -> None:
    problem(await herald.request(*method_and_path.split(" "), json=PERSONAS), 400)


@pytest.mark.parametrize("query", ["status=gone", "limit=0", "limit=201", "limit=x", "limit=²"])
async def test_an_invalid_query_is_rejected(herald: Herald, query: str) -> None:
    problem(await herald.get(f"/api/jobs?{query}"), 400)


async def test_an_unknown_path_or_method_is_a_problem_document(herald: Herald) -> None:
    problem(await herald.get("/api/nothing"), 404)
    problem(await herald.request("DELETE", "/api/jobs"), 405)


async def test_an_unsupported_method_is_answered_with_the_allowed_ones(herald: Herald) -> None:
    response = await herald.request("DELETE", "/api/jobs/x")
    problem(response, 405)
    assert response.headers["allow"] == "GET, HEAD, PATCH"


@pytest.mark.parametrize("header", [None, "Basic YTpi", "Bearer", "Bearer nonsense", "expired", "foreign"])
async def test_requests_without_a_valid_token_get_401(herald: Herald, header: str | None) -> None:
    if header == "expired":
        header = f"Bearer {herald.token(ttl_s=-10)}"
    elif header == "foreign":
        header = "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEifQ."  # alg "none"
    headers = {"Authorization": header} if header else {}
    for method, path in (
        ("POST", "/api/jobs"),
        ("GET", "/api/jobs"),
        ("GET", "/api/jobs/x"),
        ("GET", "/api/personas"),
    ):
        response = await herald.http.request(method, path, headers=headers)
        problem(response, 401)
        assert response.headers["www-authenticate"] == "Bearer"
