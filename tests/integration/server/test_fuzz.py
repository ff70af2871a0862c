"""Random and corrupted input gets a documented response, and other clients are not affected."""

import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as how
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from pydantic import BaseModel, ConfigDict, SecretStr

from herald.server.contracts.operations import operations
from herald.server.hub import codes, protocol
from herald.shared.settings import Settings
from tests.support.client import BRAND_KIT, MEDIA_PLAN, PERSONAS, Herald
from tests.support.registered import NAMES, a_type, insert
from tests.support.web import herald_with

many = how(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

# Numbers and text that are valid JSON, but that other formats cannot represent.
bounds = st.sampled_from([2**31, 2**32, 2**53, 2**63 - 1, 2**63, 2**64, 1e21])
scalars = st.none() | st.booleans() | st.integers() | bounds | st.floats() | st.text(max_size=30)
values: SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
rubbish = st.binary(max_size=200) | st.text(max_size=200).map(
    lambda text: text.encode(errors="surrogatepass")
)


def corrupted(valid: Any) -> SearchStrategy[Any]:
    """A valid value with one part, at any depth, replaced by another value."""

    def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        inner = (
            value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        )
        return [path, *(place for key, part in inner for place in places(part, (*path, key)))]

    def with_other(path: tuple[Any, ...], other: Any) -> Any:
        if not path:
            return other
        copy = json.loads(json.dumps(valid))
        within = copy
        for key in path[:-1]:
            within = within[key]
        within[path[-1]] = other
        return copy

    return st.builds(with_other, st.sampled_from(places(valid)), values)


class Open(BaseModel):
    """A payload of any fields."""

    model_config = ConfigDict(extra="allow")

    title: str | None = None
    counts: dict[str, int] = {}


OPEN = a_type("OPEN", Open, title="{title}")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Settings that disconnect a client soon if it does not speak the protocol."""
    insert(settings, OPEN)
    return settings.model_copy(update={"connect_within_s": 0.2})


REQUESTS = (PERSONAS, MEDIA_PLAN, BRAND_KIT)
jobs = st.sampled_from(REQUESTS).flatmap(corrupted)
bodies = rubbish | (values | jobs).map(lambda value: json.dumps(value).encode())

with_bodies = [operation for operation in operations(()) if operation.body is not None]
api_requests = [
    (operation.method.upper(), operation.path.replace("{taskId}", "x")) for operation in with_bodies
]
hub_requests = [
    ("POST", "/emulation"),
    ("POST", "/connection/http_stream"),
    ("POST", "/centrifugo/subscribe"),
]


def test_every_operation_with_a_body_is_fuzzed() -> None:
    assert {path for _, path in api_requests} == {"/api/jobs", "/api/jobs/x", "/api/token"}
    assert {request["type"] for request in REQUESTS} == NAMES


@many
@given(st.sampled_from(api_requests), bodies)
async def test_any_body_gets_a_documented_response(
    herald: Herald, operation: tuple[str, str], body: bytes
) -> None:
    method, path = operation
    response = await herald.request(method, path, content=body)
    assert response.status_code < 500, response.text
    if response.is_error:
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json()["status"] == response.status_code


@many
@given(st.dictionaries(st.text(max_size=10), values, max_size=4))
async def test_any_payload_of_an_open_type_is_stored_as_it_is_or_refused(
    herald: Herald, payload: dict[str, Any]
) -> None:
    body = json.dumps({"type": "OPEN", "payload": payload})
    response = await herald.post("/api/jobs", content=body.encode())
    if response.status_code == 202:
        stored = (await herald.get(f"/api/jobs/{response.json()['taskId']}/payload")).json()
        assert stored == {"title": None, "counts": {}} | payload
    else:
        assert response.status_code in {400, 422}, response.text


@many
@given(st.sampled_from(hub_requests), rubbish | values.map(lambda value: json.dumps(value).encode()))
async def test_any_body_for_the_hub_over_http_gets_a_response(
    herald: Herald, operation: tuple[str, str], body: bytes
) -> None:
    method, path = operation
    async with herald.http.stream(method, path, content=body) as response:
        assert response.status_code < 500
        if path == "/connection/http_stream" and response.status_code == 200:
            # Not a valid command, so the stream ends with a disconnect.
            last = [line async for line in response.aiter_lines()][-1]
            assert json.loads(last)["push"]["disconnect"]["code"] in {3500, 3501, 3502}


lone_surrogate = "\ud800"


@pytest.mark.parametrize("field", ["session", "node", "data"])
async def test_emulation_rejects_lone_surrogates(herald: Herald, field: str) -> None:
    body = {"session": "s", "node": "n", "data": "{}"} | {field: lone_surrogate}
    response = await herald.http.post("/emulation", content=json.dumps(body))
    assert response.status_code == 400, response.text


async def test_a_non_ascii_secret_is_compared_as_utf_8(settings: Settings) -> None:
    async with herald_with(settings, metrics_token=SecretStr("clé")) as herald:
        for sent, status in (("clé".encode(), 200), ("clé".encode("latin-1"), 401), (b"\xff", 401)):
            headers = [(b"Authorization", b"Bearer " + sent)]
            assert (await herald.http.get("/metrics", headers=headers)).status_code == status


header_values = st.text(
    st.characters(codec="latin-1", categories=["L", "N", "P", "S"]), min_size=1, max_size=20
).map(lambda text: text.encode("latin-1"))
percent_encoded = st.binary(min_size=1, max_size=20).map(lambda data: quote(data, safe=""))


@many
@given(
    st.sampled_from(["/api/jobs/{}", "/api/jobs?after={}&limit={}", "/api/jobs?action=status&taskIds={}"])
    | st.sampled_from(
        ["/api/personas?taskId={}", "/api/brandKits/{}", "/connection/sse?cf_connect={}", "/{}"]
    ),
    percent_encoded,
    st.dictionaries(
        st.sampled_from(["If-None-Match", "Prefer", "traceparent", "Origin", "Idempotency-Key", "X-Api-Key"]),
        header_values,
    ),
    st.none() | header_values.map(lambda value: b"Bearer " + value),
)
async def test_any_path_query_and_header_get_a_response(
    herald: Herald, path: str, text: str, headers: dict[str, bytes], authorization: bytes | None
) -> None:
    sent = {"Authorization": authorization or f"Bearer {herald.token()}".encode()} | headers
    raw = [(name.encode(), value) for name, value in sent.items()]
    async with herald.http.stream("GET", path.replace("{}", text), headers=raw) as response:
        assert response.status_code < 500
        if authorization is not None and path.startswith("/api/"):
            assert response.status_code in {401, 404}  # 404 if the text holds a slash


@many
@given(header_values)
async def test_any_idempotency_key_is_accepted_or_rejected(herald: Herald, key: bytes) -> None:
    token = f"Bearer {herald.token()}".encode()
    headers = [(b"Authorization", token), (b"Idempotency-Key", key)]
    response = await herald.http.post("/api/jobs", json=PERSONAS, headers=headers)
    assert response.status_code in {202, 400, 429}, response.text


commands = [
    {"id": 2, "subscribe": {"channel": "task:x", "recover": True, "epoch": "e", "offset": 3}},
    {
        "id": 2,
        "subscribe": {"channel": "brand:b", "recover": True, "offset": 3, "flag": 2, "type": 0, "tf": None},
    },
    {
        "id": 3,
        "history": {
            "channel": "tasks#ada",
            "limit": 3,
            "since": {"offset": 1, "epoch": "e"},
            "reverse": True,
        },
    },
    {"id": 4, "unsubscribe": {"channel": "tasks#ada"}},
    {"id": 5, "refresh": {"token": "t"}},
    {"id": 6, "sub_refresh": {"channel": "c", "token": "t"}},
    {"id": 7, "publish": {"channel": "c", "data": {}}},
    {"id": 8, "send": {"data": {}}},
]
frames = rubbish | st.lists(
    values | st.sampled_from(commands).flatmap(corrupted), min_size=1, max_size=4
).map(lambda messages: "\n".join(map(json.dumps, messages)).encode())


@how(max_examples=600, deadline=None)
@given(frames)
def test_the_parser_decodes_a_frame_or_raises_malformed_frame(frame: bytes) -> None:
    for form in (frame, frame.decode(errors="replace")):
        try:
            decoded = list(protocol.decode(form))
        except protocol.MalformedFrameError:
            continue
        assert all(command is None or command.id >= 0 for command in decoded)


@many
@given(frames, st.booleans())
async def test_any_frame_is_answered_or_closes_only_its_own_connection(
    herald: Herald, frame: bytes, text: bool
) -> None:
    herald.brands = ["b"]
    async with herald.other("bob").connected() as neighbour:
        async with herald.connected() as socket:
            await socket.connection.send(frame, text=text)
            await socket.connection.send('{"id":4242,"ping":{}}')
            try:
                while (message := await socket.next()).get("id") != 4242:
                    assert message.get("error", {}).get("code") in {
                        None,
                        *(code.code for code in vars(codes).values() if isinstance(code, codes.Error)),
                    } - {codes.INTERNAL.code}
            except Exception as end:
                assert type(end).__name__.startswith("ConnectionClosed")
                assert end.rcvd.code in {1007, 3013, 3500, 3501, 3508}, end  # type: ignore[attr-defined]
        assert (await neighbour.call(ping={})).get("error") is None
