"""The contracts (OpenAPI, AsyncAPI, JSON Schema) match the running server."""

import asyncio
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import httpx2
from jsonschema_rs import validator_for
from starlette.routing import Route

from herald.server.app import create_app
from herald.server.contracts.asyncapi import document as asyncapi_document
from herald.server.contracts.openapi import document
from herald.server.contracts.operations import operations
from herald.server.payloads.schema import PayloadSchema
from herald.server.task_types import RegisteredType
from herald.shared.feed.feed import Feed
from herald.shared.settings import Settings
from herald.shared.task_api.record import record_of
from herald.shared.tasks.events import EventType
from herald.shared.tasks.store import Store
from tests.support.client import PERSONAS, Herald
from tests.support.processes import WORKER, environment, running, web
from tests.support.registered import APP, BUILT_IN, NAMES

UNDESCRIBED = {
    *("/", "/ops", "/vendor/{name}"),  # pages and their files
    *("/docs", "/openapi.json", "/asyncapi.json", "/schemas", "/schemas/{name}.json"),  # the contracts
    "/centrifugo/subscribe",  # Centrifugo's own interface
}


RECORDS = [record_of(each, APP) for each in BUILT_IN]
TYPES = sorted(
    (RegisteredType(each, PayloadSchema(each.payload_schema), 0) for each in RECORDS),
    key=lambda each: each.record.type,
)
STORAGES = [each.storage for each in BUILT_IN if each.storage is not None]


def paths_of(route: Route) -> list[str]:
    if "{collection}" not in route.path:
        return [route.path]
    return [route.path.replace("{collection}", storage.collection) for storage in STORAGES]


def test_openapi_describes_exactly_the_served_endpoints(settings: Settings) -> None:
    served = {
        (re.sub(r"{\w+}", "{}", path), method.lower())
        for route in create_app(settings).routes
        if isinstance(route, Route) and route.path not in UNDESCRIBED
        for path in paths_of(route)
        for method in (route.methods or set()) - {"HEAD"}
        if not route.path.startswith(("/connection/", "/emulation"))
    }
    described = {
        (re.sub(r"{\w+}", "{}", path), method)
        for path, methods in document(TYPES)["paths"].items()
        for method in methods
    }
    assert described == served


async def test_the_contracts_and_the_reference_page_are_served(herald: Herald) -> None:
    for path, contract in (("/openapi.json", document(TYPES)), ("/asyncapi.json", asyncapi_document())):
        response = await herald.http.get(path)
        assert response.status_code == 200
        assert response.json() == json.loads(json.dumps(contract))
        for name in set(re.findall(r'"#/components/schemas/(\w+)"', response.text)):
            assert name in contract["components"]["schemas"]
    page = await herald.http.get("/docs")
    assert page.status_code == 200
    assert "script-src 'none'" in page.headers["content-security-policy"]
    for path in document(TYPES)["paths"]:
        assert path in page.text
    for target in re.findall(r'href="#(schema-\w+)"', page.text):
        assert f'id="{target}"' in page.text


def schema_of(contract: dict[str, Any], name: str) -> Any:
    """A validator for one of a contract's schemas."""
    return validator_for({"$ref": f"#/components/schemas/{name}", "components": contract["components"]})


async def test_published_messages_match_asyncapi(herald: Herald, settings: Settings, feed: Feed) -> None:
    with running(WORKER, environment(settings)):
        task_id = (await herald.create(PERSONAS))["taskId"]
        while (await herald.get(f"/api/jobs/{task_id}")).json()["progress"] < 100:
            pass
    contract = asyncapi_document()
    event, delta = schema_of(contract, "TaskEvent"), schema_of(contract, "TaskDelta")
    published = (await feed.history(f"task:{task_id}", limit=1000)).publications
    seen = set()
    for message in map(json.loads, (one.data for one in published)):
        (delta if message["type"] == "task.delta" else event).validate(message)
        seen.add(message["type"])
    assert {"task.queued", "task.processing", "task.step", "task.delta", "task.completed"} <= seen
    assert seen <= {*get_args(EventType), "task.delta"}
    assert not event.is_valid({"type": "task.unknown"})


async def test_every_model_is_served_as_a_json_schema(herald: Herald, feed: Feed) -> None:
    index = (await herald.http.get("/schemas")).json()
    schemas = {name: (await herald.http.get(address)).json() for name, address in index.items()}
    assert {"task", "event", "snapshot", "delta", "overview", "emitted", "problem", *NAMES} == set(schemas)
    for name, schema in schemas.items():
        assert schema["$id"] == index[name] and schema["$schema"].endswith("2020-12/schema")
    validators = {name: validator_for(schema) for name, schema in schemas.items()}
    validators["task"].validate(await herald.create(PERSONAS))
    validators["event"].validate(json.loads((await feed.history("tasks#ada", limit=1)).publications[0].data))
    validators["AUTO_GENERATE_PERSONAS"].validate(PERSONAS["payload"])
    assert not validators["AUTO_GENERATE_PERSONAS"].is_valid({"product": "tea", "number": 3})
    validators["problem"].validate((await herald.http.get("/schemas/none.json")).json())


async def test_schemathesis_finds_no_failure(settings: Settings, store: Store, tmp_path: Path) -> None:
    async with web(settings) as address:
        async with httpx2.AsyncClient() as http:
            who = {"userId": "ada", "scope": "operator"}
            token = (await http.post(f"http://{address}/api/token", json=who)).json()["token"]
        command = [
            str(Path(sys.executable).parent / "st"),
            "run",
            f"http://{address}/openapi.json",
            f"--header=Authorization: Bearer {token}",
            "--phases=examples,coverage,fuzzing",
            "--max-examples=25",
            "--seed=1",
            "--exclude-path=/api/token/revoke",  # would revoke the token that this run uses
            # Schemas cannot express that `action=status` needs `taskIds`, or that a key is for one request only.
            "--exclude-checks=positive_data_acceptance",
            "--no-color",
        ]
        variables = {**os.environ, "PYTHONWARNINGS": "ignore"}
        done = await asyncio.to_thread(
            subprocess.run, command, cwd=tmp_path, env=variables, capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


async def test_no_endpoint_exposes_data_of_another_user(herald: Herald, store: Store) -> None:
    """Bob requests Ada's data through every operation that takes an id, and gets the responses for unknown ids."""
    task = await herald.create(PERSONAS)
    task_id = task["taskId"]
    for storage in STORAGES:
        result = {"_id": task_id, storage.id_field: task_id, "taskId": task_id, "userId": "ada"}
        await store.results.save(storage.collection, {**result, "brandId": "acme"})
    bob = herald.other("bob", brands=["another"])
    checked_operations = 0
    for operation in operations(TYPES):
        path = re.sub(r"{\w+}", task_id, operation.path)
        names = any(one["name"] == "taskId" and one["in"] == "query" for one in operation.parameters)
        if path == operation.path and not names:
            continue
        body = {"priority": "high"} if operation.body else None
        request = operation.method.upper(), f"{path}{f'?taskId={task_id}' if names else ''}"
        refused = 403 if path.startswith("/api/ops") else 404
        assert (await bob.request(*request, json=body)).status_code == refused, request
        assert (await herald.request(*request, json=body)).status_code < 500
        checked_operations += 1
    assert checked_operations == 7 + 2 * len(STORAGES)
    listed = (await bob.get("/api/jobs")).json()
    checked = (await bob.get(f"/api/jobs?action=status&taskIds={task_id}")).json()
    assert listed == {"tasks": []}
    assert checked == {"tasks": [], "notFound": [task_id]}
    async with bob.connected() as socket:
        for channel in ("tasks#ada", f"task:{task_id}", "brand:acme", "ops"):
            for method in ("subscribe", "history"):
                assert (await socket.call(**{method: {"channel": channel}}))["error"]["code"] == 103
