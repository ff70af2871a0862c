"""Task types in MongoDB: announced once, owned by one application."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from pydantic import BaseModel
from pymongo.errors import DuplicateKeyError

from herald.shared.tasks import task_type_store
from herald.shared.tasks.models import now
from herald.shared.tasks.records import RegistrationProblem, Storage
from herald.shared.tasks.store import Store
from herald.shared.tasks.task_type_store import OWNED_FOR_S, TypeCollisionError
from tests.support.registered import NAMES, a_type, announce

pytestmark = pytest.mark.parametrize("mongo_driver", ["motor", "pymongo"], indirect=True)


class Part(BaseModel):
    name: str


class News(BaseModel):
    parts: list[Part]


async def names(store: Store) -> list[tuple[str, str, int]]:
    return [
        (each.type, each.app, each.version) for each in await store.task_types.all() if each.type not in NAMES
    ]


async def test_a_type_keeps_the_time_of_its_first_announcement(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    [first] = await announce(store, a_type("NEWS", News))
    monkeypatch.setattr("herald.shared.task_api.record.now", lambda: now() + timedelta(hours=1))
    [again] = await announce(store, a_type("NEWS", News))
    assert again == first
    [stored] = [each for each in await store.task_types.all() if each.type == "NEWS"]
    assert stored == first
    assert stored.payload_schema["properties"]["parts"]["items"] == {"$ref": "#/$defs/Part"}


async def test_forms_of_a_type_are_ranked_by_version_then_by_their_first_announcement(store: Store) -> None:
    newest = a_type("NEWS", News, version=2)
    await announce(store, newest, a_type("NEWS", News, version=1), a_type("NEWS", Part, version=1))
    await announce(store, a_type("NEWS", News, version=1))  # a worker of the earlier form restarts
    forms = [each for each in await store.task_types.all() if each.type == "NEWS"]
    assert [each.version for each in forms] == [1, 1, 2]
    assert "name" in forms[1].payload_schema["properties"], "the later announcement of version 1"


async def test_a_type_of_another_application_is_refused(store: Store) -> None:
    await announce(store, a_type("NEWS", News), app="shop")
    with pytest.raises(TypeCollisionError, match="belongs to the application 'shop', so 'news' cannot"):
        await announce(store, a_type("NEWS", Part), app="news")
    assert await names(store) == [("NEWS", "shop", 0)]


async def test_of_two_applications_that_announce_at_once_one_gets_the_type(store: Store) -> None:
    announced = await asyncio.gather(
        *(announce(store, a_type("NEWS", News), app=app) for app in ("a", "b", "a", "b")),
        return_exceptions=True,
    )
    refused = [each for each in announced if isinstance(each, TypeCollisionError)]
    assert len(refused) == 2
    assert len(await names(store)) == 1


async def test_a_faster_worker_of_the_same_application_is_no_collision(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    owners = store.task_types._owners
    update = owners.update_one

    async def too_late(*arguments: Any, **options: Any) -> None:
        await update(*arguments, **options)
        raise DuplicateKeyError("the other worker's upsert came first")

    monkeypatch.setattr(owners, "update_one", too_late)
    await announce(store, a_type("NEWS", News), app="shop")
    assert await names(store) == [("NEWS", "shop", 0)]


async def test_a_type_without_a_worker_for_a_day_may_be_taken_over(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await announce(store, a_type("NEWS", News, version=7), a_type("KEPT", News), app="shop")
    later = now() + timedelta(seconds=OWNED_FOR_S + 1)
    monkeypatch.setattr(task_type_store, "now", lambda: later)
    await store.task_types.keep(["KEPT"])
    await announce(store, a_type("NEWS", Part), app="news")
    with pytest.raises(TypeCollisionError):
        await announce(store, a_type("KEPT", Part), app="news")
    assert await names(store) == [("KEPT", "shop", 0), ("NEWS", "news", 0)]


async def test_a_problem_is_kept_until_the_type_can_be_announced(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = now()
    for message in ("first", "second"):
        await store.task_types.report(RegistrationProblem(type="NEWS", app="shop", message=message, at=at))
    await store.task_types.report(RegistrationProblem(type="OTHER", app="shop", message="third", at=at))
    assert {each.message for each in await store.task_types.problems()} == {"second", "third"}
    await announce(store, a_type("NEWS", News), app="shop")
    assert [each.message for each in await store.task_types.problems()] == ["third"]
    monkeypatch.setattr(task_type_store, "now", lambda: at + timedelta(days=2))
    assert await store.task_types.problems() == []


async def test_the_collection_of_a_type_s_results_gets_an_index(store: Store) -> None:
    task_type = a_type("NEWS", News)
    task_type.storage = Storage(collection="news", id_field="newsId")
    await announce(store, task_type)
    indexes = await store._database["news"].index_information()
    assert [("taskId", 1)] in [index["key"] for index in indexes.values()]
