"""``herald types``, run against a server that lists task types."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from typer.testing import CliRunner, Result

from herald.shared.cli.__main__ import app
from herald.shared.tasks.models import now
from herald.shared.tasks.records import ListedType
from tests.support.web import serving

PING = ListedType(
    type="PING",
    payload_schema={"type": "null"},
    result_schema={"type": "string"},
    steps=(),
    app="shop",
    version=0,
    digest="d",
    announced_at=now(),
    online=True,
    workers=1,
).wire()


@pytest.fixture
def listed() -> list[dict[str, Any]]:
    return [PING]


@pytest.fixture
async def url(listed: list[dict[str, Any]]) -> AsyncIterator[str]:
    async def task_types(_: Request) -> JSONResponse:
        return JSONResponse({"taskTypes": listed})

    async with serving(Starlette(routes=[Route("/api/taskTypes", task_types)])) as address:
        yield f"http://{address}"


async def types(url: str, *arguments: str) -> Result:
    return await asyncio.to_thread(
        CliRunner().invoke, app, ["--url", url, "--token", "t", "types", *arguments]
    )


async def test_the_module_is_printed(url: str) -> None:
    assert "  PING: { payload: null; result: string };\n" in (await types(url)).stdout


async def test_the_module_is_written_to_a_file(url: str, tmp_path: Path) -> None:
    path = tmp_path / "herald.ts"
    result = await types(url, "--out", str(path))
    assert result.stdout == f"Wrote {path}\n"
    assert path.read_text() == (await types(url)).stdout


async def test_a_file_that_cannot_be_written_is_an_error(url: str, tmp_path: Path) -> None:
    result = await types(url, "--out", str(tmp_path / "missing" / "herald.ts"))
    assert (result.exit_code, "No such file or directory" in result.stderr) == (1, True)


@pytest.mark.parametrize("listed", [[]])
async def test_without_task_types_no_file_is_written(url: str, tmp_path: Path) -> None:
    path = tmp_path / "herald.ts"
    result = await types(url, "--out", str(path))
    assert (result.exit_code, path.exists()) == (1, False)
    assert "Start a worker first" in result.stderr
