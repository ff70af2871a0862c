"""The server accepts, lists and describes the task types that workers have announced."""

import asyncio
import json
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from herald.server import task_types
from herald.shared.feed.feed import Feed
from herald.shared.queue.heartbeats import TYPES_SIGNAL, Heartbeats
from herald.shared.settings import Settings
from herald.shared.task_api.task_type import TaskType
from herald.shared.tasks.models import Priority, TaskStatus, now
from herald.shared.tasks.records import RegistrationProblem
from herald.shared.tasks.store import Store
from tests.support.client import PERSONAS, Herald
from tests.support.problems import problem
from tests.support.registered import NAMES, a_type, announce, remove_all
from tests.support.web import herald_with


class Source(BaseModel):
    url: str


class News(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    head_line: str = Field(max_length=500)
    sources: list[Source] = []


class Release(BaseModel):
    paragraphs: list[str]


def news_type(**options: Any) -> TaskType[Any, Any, Any]:
    return a_type("NEWS", News, result=Release, **options)


NEWS = {"type": "NEWS", "payload": {"headLine": "Rain"}}


async def registered(herald: Herald, store: Store, feed: Feed, *types: TaskType[Any, Any, Any]) -> None:
    """Announce types, and wait until the web process knows the last of these forms."""
    digest = (await announce(store, *types))[-1].digest
    await known(herald.operator(), feed, lambda listed: any(each["digest"] == digest for each in listed))


async def known(herald: Herald, feed: Feed, condition: Any) -> list[dict[str, Any]]:
    """Signal a change of the registry, and wait until the list of the types meets the condition."""
    async with asyncio.timeout(10):
        while True:
            await feed.signal(TYPES_SIGNAL, "")
            listed: list[dict[str, Any]] = (await herald.get("/api/ops/taskTypes")).json()["taskTypes"]
            if condition(listed):
                return listed


async def test_an_announced_type_is_accepted_at_once(herald: Herald, store: Store, feed: Feed) -> None:
    problem(await herald.post("/api/jobs", json=NEWS), 422)
    [record] = await announce(
        store, news_type(title="{head_line}!", priority=Priority.HIGH, retries=7, deadline=60)
    )
    await known(herald.operator(), feed, lambda listed: len(listed) == len(NAMES) + 1)
    task = await herald.create(NEWS)
    assert (task["title"], task["priority"], task["maxRetries"]) == ("Rain!", "high", 7)
    stored = await store.get(task["taskId"])
    assert stored is not None
    assert stored.payload == {"headLine": "Rain", "sources": []}
    assert stored.type_digest == record.digest
    assert stored.deadline == stored.queued_at + timedelta(seconds=60)
    assert "deadline" not in task and "typeDigest" not in task
    given = await herald.create(NEWS | {"priority": "low", "maxRetries": 0})
    assert (given["priority"], given["maxRetries"]) == ("low", 0)
    wrong = NEWS | {"payload": {"headLine": "Rain", "sources": [{"url": "a"}, {}]}}
    [fault] = problem(await herald.post("/api/jobs", json=wrong), 422)["errors"]
    assert fault == {"pointer": "/payload/sources/1/url", "detail": "This field is required"}


async def test_a_retried_task_gets_a_new_deadline(herald: Herald, store: Store, feed: Feed) -> None:
    await registered(herald, store, feed, news_type(deadline=60))
    task_id = (await herald.create(NEWS))["taskId"]
    past = now() - timedelta(hours=1)
    await store.transition(task_id, TaskStatus.FAILED, by="w", completed_at=now(), deadline=past)
    again = (await herald.post(f"/api/jobs/{task_id}/retry")).json()
    stored = await store.get(task_id)
    assert stored is not None and stored.deadline is not None
    assert stored.deadline == datetime.fromisoformat(again["queuedAt"]) + timedelta(seconds=60)


async def test_titles_are_one_line_of_at_most_120_characters(
    herald: Herald, store: Store, feed: Feed
) -> None:
    await registered(herald, store, feed, news_type(title="News: {head_line}"))
    task = await herald.create(NEWS | {"payload": {"headLine": "many\n words " * 30}})
    assert task["title"].startswith("News: many words many words ")
    assert len(task["title"]) == 120 and task["title"].endswith("…")


async def test_the_list_shows_the_current_form_and_who_is_online(
    herald: Herald, store: Store, feed: Feed
) -> None:
    await registered(herald, store, feed, news_type(title="older"), news_type(version=1, steps=("Write",)))
    await announce(store, news_type(title="a new digest of the older version"))
    heartbeats = Heartbeats(feed.redis)
    for worker in ("w1", "w2"):
        await heartbeats.beat(worker, slots=1, running=0, types={"NEWS": "another digest"})
    await known(herald.operator(), feed, lambda listed: any(each["workers"] == 2 for each in listed))
    listed = {each["type"]: each for each in (await herald.get("/api/taskTypes")).json()["taskTypes"]}
    assert set(listed) == {"NEWS", *NAMES}
    news = listed["NEWS"]
    assert (news["version"], news["steps"], news["app"], news["workers"]) == (1, ["Write"], "shop", 2)
    assert news["payloadSchema"]["properties"]["headLine"]["maxLength"] == 500
    assert news["resultSchema"]["title"] == "Release"
    assert "title" not in news and news["digest"] and news["announcedAt"]
    assert not listed["GENERATE_BRAND_KIT"]["online"]
    assert (await herald.http.get("/readyz")).json()["taskTypes"] == 1


async def test_a_type_that_a_token_may_not_start_is_hidden(herald: Herald, store: Store, feed: Feed) -> None:
    await registered(herald, store, feed, news_type(start="service"), a_type("AUDIT", News, start="audit"))
    auditor, service = herald.other("eve"), herald.other("billing")
    auditor.scope, service.scope = "audit", "service"
    for client, visible in ((herald, set()), (auditor, {"AUDIT"}), (service, {"NEWS"})):
        listed = {each["type"] for each in (await client.get("/api/taskTypes")).json()["taskTypes"]}
        assert listed == NAMES | visible
        assert {"NEWS", "AUDIT"} & set((await client.get("/schemas")).json()) == visible
        requests = (await client.get("/openapi.json")).json()["components"]["schemas"]
        assert {"NewsRequest", "AuditRequest"} & set(requests) == {
            f"{name.title()}Request" for name in visible
        }
        for name in ("NEWS", "AUDIT"):
            expected = 202 if name in visible else 404
            assert (await client.post("/api/jobs", json=NEWS | {"type": name})).status_code == expected
            expected = 200 if name in visible else 404
            assert (await client.get(f"/schemas/{name}.json")).status_code == expected
    unknown = problem(await herald.post("/api/jobs", json=NEWS | {"type": "NONE"}), 422)
    assert "AUDIT" not in unknown["detail"] and "AUTO_GENERATE_PERSONAS" in unknown["detail"]
    assert "NEWS" not in (await herald.http.get("/openapi.json")).text


async def test_requests_before_the_first_announcement_are_told_to_come_back(
    settings: Settings, store: Store
) -> None:
    remove_all(settings)
    async with herald_with(settings) as herald:
        response = await herald.post("/api/jobs", json=PERSONAS)
        problem(response, 503)
        assert int(response.headers["retry-after"]) > 0
        assert (await herald.get("/api/taskTypes")).json() == {"taskTypes": []}
        assert "TaskRequest" in (await herald.get("/openapi.json")).json()["components"]["schemas"]
        problem(await herald.get("/api/personas?taskId=x"), 404)
        assert (await herald.http.get("/docs")).status_code == 200


async def test_types_are_read_again_even_if_a_signal_is_missed(
    settings: Settings, store: Store, monkeypatch: Any
) -> None:
    monkeypatch.setattr(task_types, "RELOAD_EVERY_S", 0.01)
    async with herald_with(settings) as herald:
        await announce(store, news_type())
        async with asyncio.timeout(10):
            while (await herald.post("/api/jobs", json=NEWS)).status_code != 202:
                pass


async def test_operators_see_the_problems_of_registrations(herald: Herald, store: Store) -> None:
    problem_ = RegistrationProblem(type="NEWS", app="shop", message="it belongs to another", at=now())
    await store.task_types.report(problem_)
    assert (await herald.operator().get("/api/ops/taskTypes")).json()["problems"] == [problem_.wire()]
    problem(await herald.get("/api/ops/taskTypes"), 403)


async def test_types_that_share_names_of_definitions_do_not_mix_in_openapi(
    herald: Herald, store: Store, feed: Feed
) -> None:
    def other_type() -> TaskType[Any, Any, Any]:
        class Source(BaseModel):
            isbn: str

        class Book(BaseModel):
            sources: list[Source]

        return a_type("BOOK", Book)

    await registered(herald, store, feed, news_type(), other_type())
    schemas = (await herald.get("/openapi.json")).json()["components"]["schemas"]
    sources = {
        name: schemas[schemas[name]["properties"]["sources"]["items"]["$ref"].rpartition("/")[2]]["required"]
        for name in ("News", "Book")
    }
    assert sources == {"News": ["url"], "Book": ["isbn"]}
    assert "#/$defs" not in json.dumps(schemas)
