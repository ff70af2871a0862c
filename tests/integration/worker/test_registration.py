"""A worker loads the task types of its modules and announces them."""

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from types import ModuleType
from typing import Any

import pytest
from pydantic import BaseModel, Field, create_model

from herald.shared.feed.feed import Feed
from herald.shared.settings import Settings
from herald.shared.task_api.context import Context
from herald.shared.task_api.errors import MisuseError
from herald.shared.task_api.modules import TaskModuleError
from herald.shared.task_api.task_type import TaskType, task
from herald.shared.tasks.store import Store
from herald.worker.registration import open_task_types
from tests.support.client import Herald
from tests.support.processes import WORKER, environment, running
from tests.support.registered import NAMES, a_type, announce


class News(BaseModel):
    headline: str


def runnable(name: str) -> TaskType[Any, News, str]:
    @task(name)
    async def write(ctx: Context, news: News) -> str:
        """Write it."""
        return news.headline

    return write


MakeModule = Callable[..., str]


@pytest.fixture
def make_module() -> Iterator[MakeModule]:
    """Makes importable modules that bind names to values."""
    made = []

    def make(name: str, **bound: Any) -> str:
        module = ModuleType(name)
        vars(module).update(bound)
        sys.modules[name] = module
        made.append(name)
        return name

    yield make
    for name in made:
        del sys.modules[name]


async def announced(store: Store) -> set[tuple[str, str]]:
    return {(each.type, each.app) for each in await store.task_types.all() if each.type not in NAMES}


async def test_the_types_that_a_module_binds_are_announced(store: Store, make_module: MakeModule) -> None:
    news, other = runnable("NEWS"), runnable("OTHER")
    first = make_module("shop_tasks", write=news, same=news, declared=a_type("ELSEWHERE", News), x=3)
    second = make_module("more_tasks", imported=news, other=other)
    async with open_task_types([first, second], store) as loaded:
        assert {name: each.type for name, each in loaded.items()} == {"NEWS": news, "OTHER": other}
        records = {each.type: each for each in await store.task_types.all()}
        assert loaded["NEWS"].digest == records["NEWS"].digest
        assert records["NEWS"].description == "Write it."
        assert await announced(store) == {("NEWS", "tests"), ("OTHER", "tests")}, "where the code is"


async def test_a_module_s_lifespan_is_open_while_its_types_run(store: Store, make_module: MakeModule) -> None:
    log: list[str] = []

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[str]:
        log.append("opened")
        yield "the state"
        log.append("closed")

    names = [
        make_module("with_state", news=runnable("NEWS"), lifespan=lifespan),
        make_module("without", other=runnable("OTHER")),
    ]
    async with open_task_types(names, store) as loaded:
        assert (loaded["NEWS"].state, loaded["OTHER"].state) == ("the state", None)
        assert log == ["opened"]
    assert log == ["opened", "closed"]


async def test_a_type_has_the_state_of_its_own_module_wherever_it_is_imported(
    store: Store, make_module: MakeModule
) -> None:
    @asynccontextmanager
    async def lifespan() -> AsyncIterator[str]:
        yield "its own"

    @asynccontextmanager
    async def other_lifespan() -> AsyncIterator[str]:
        yield "the other's"

    news = runnable("NEWS")
    assert news.run is not None
    news.run.__module__ = make_module("news_tasks", news=news, lifespan=lifespan)
    importing = make_module("imports_it", news=news, other=runnable("OTHER"), lifespan=other_lifespan)
    async with open_task_types([importing], store) as loaded:
        assert (loaded["NEWS"].state, loaded["OTHER"].state) == ("its own", "the other's")


async def test_a_lifespan_that_is_no_context_manager_is_a_clear_error(
    store: Store, make_module: MakeModule
) -> None:
    async def lifespan() -> AsyncIterator[None]:
        yield

    name = make_module("wrong", news=runnable("NEWS"), lifespan=lifespan)
    with pytest.raises(MisuseError, match=r"wrong.lifespan\(\) must return an async context manager"):
        async with open_task_types([name], store):
            pass


async def test_a_type_that_cannot_be_announced_is_reported_and_the_others_run(
    store: Store, make_module: MakeModule, caplog: pytest.LogCaptureFixture
) -> None:
    class Opaque(BaseModel):
        model_config = {"arbitrary_types_allowed": True}

        x: Feed

    @task("OPAQUE")
    async def opaque(ctx: Context, payload: Opaque) -> None: ...

    await announce(store, a_type("TAKEN", News), app="shop")
    dangling: Any = runnable("DANGLING")
    dangling.payload = create_model("Dangling", x=(int, Field(json_schema_extra={"$ref": "#/$defs/None"})))
    bound = {
        "a": runnable("TAKEN"),
        "b": runnable("NEWS"),
        "c": runnable("NEWS"),
        "d": opaque,
        "e": dangling,
    }
    with caplog.at_level(logging.ERROR):
        async with open_task_types([make_module("colliding", **bound)], store) as loaded:
            assert {name: each.type for name, each in loaded.items()} == {"NEWS": bound["b"]}
    problems = {each.type: each for each in await store.task_types.problems()}
    assert set(problems) == {"TAKEN", "NEWS", "OPAQUE", "DANGLING"}
    assert "belongs to the application 'shop'" in problems["TAKEN"].message
    assert "both have a task type NEWS" in problems["NEWS"].message
    assert all(problem.app == "tests" for problem in problems.values())
    assert all(problem.message in caplog.text for problem in problems.values())


async def test_a_module_that_does_not_exist_is_a_clear_error(store: Store) -> None:
    with pytest.raises(TaskModuleError, match=r"no module .shop\.tasks."):
        async with open_task_types(["shop.tasks"], store):
            pass


async def test_types_are_online_from_the_start_of_a_worker_to_its_end(
    herald: Herald, settings: Settings
) -> None:
    async def until(online: int) -> None:
        while (await herald.http.get("/readyz")).json().get("taskTypes") != online:
            await asyncio.sleep(0.05)

    with running(WORKER, environment(settings, HERALD_TASKS="tests.support.hello")) as process:
        await until(1)
        listed = {each["type"]: each for each in (await herald.get("/api/taskTypes")).json()["taskTypes"]}
        assert listed["HELLO"]["description"] == "Greets somebody."
        assert (listed["HELLO"]["online"], listed["HELLO"]["workers"]) == (True, 1)
        process.terminate()
        await until(0)
