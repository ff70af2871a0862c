"""What mypy knows about the clients: an ignore below that it does not need would fail its strict check."""

from datetime import date
from typing import Any, assert_type

import httpx2

from herald import AsyncHandle, AsyncHerald, Handle, Herald
from tests.support.press import WRITE_PRESS_RELEASE, News, Release
from tests.unit.shared.client.support import Server, task_response

NEWS = News(company="Ada", headline="Tea")
RELEASE = Release(paragraphs=["Tea."], on=date(2027, 1, 31))


def server() -> Server:
    result = httpx2.Response(200, content=RELEASE.model_dump_json())
    return Server(task_response(), task_response(status="completed"), result)


async def test_a_result_is_typed_by_the_task_type() -> None:
    handle = await server().client().start(WRITE_PRESS_RELEASE, NEWS)
    assert_type(handle, AsyncHandle[Release])
    assert assert_type(await handle.result(), Release) == RELEASE
    by_name = await server().client().start("WRITE_PRESS_RELEASE", NEWS.model_dump(mode="json"))
    assert_type(by_name, AsyncHandle[Any])
    found = server().client().handle("t1", WRITE_PRESS_RELEASE)
    assert_type(found, AsyncHandle[Release])


def synchronous(herald: Herald) -> None:
    assert_type(herald.start(WRITE_PRESS_RELEASE, NEWS), Handle[Release])
    assert_type(herald.start(WRITE_PRESS_RELEASE, NEWS).result(timeout=1), Release)
    assert_type(herald.handle("t1", WRITE_PRESS_RELEASE).result(), Release)
    assert_type(herald.start("WRITE_PRESS_RELEASE", {}).result(), Any)
    herald.start(WRITE_PRESS_RELEASE, RELEASE)  # type: ignore[misc]
    herald.start(WRITE_PRESS_RELEASE, {"company": "Ada"})  # type: ignore[call-overload]
    herald.start(WRITE_PRESS_RELEASE, NEWS, priority="urgent")  # type: ignore[call-overload]


async def asynchronous(herald: AsyncHerald) -> None:
    await herald.start(WRITE_PRESS_RELEASE, RELEASE)  # type: ignore[misc]
    await herald.start(WRITE_PRESS_RELEASE, {"company": "Ada"})  # type: ignore[call-overload]
