"""The command line, run as people and scripts run it, against a running Herald."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import NamedTuple

import jwt
import pytest

from herald.shared.settings import Settings
from herald.shared.tasks.models import EndReason, TaskStatus, now
from herald.shared.tasks.store import Store
from tests.support.processes import ROOT, WORKER, environment, running, web
from tests.support.tasks import a_task

BRAND_KIT = '{"brandName": "Ada", "description": "Tea"}'


class Finished(NamedTuple):
    """A command's exit code and output."""

    code: int
    out: str
    err: str


Run = Callable[..., Awaitable[Finished]]


@pytest.fixture
async def run(settings: Settings) -> AsyncIterator[Run]:
    """Runs a command against a Herald with a worker."""
    with running(WORKER, environment(settings)):
        async with web(settings) as address:
            variables = environment(settings, HERALD_URL=f"http://{address}", COLUMNS="200")

            async def called(*arguments: str, **more: str) -> Finished:
                process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "herald.shared.cli", *arguments),
                    env=variables | more,
                    cwd=ROOT,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=asyncio.subprocess.PIPE,
                )
                out, err = await process.communicate()
                assert process.returncode is not None
                return Finished(process.returncode, out.decode(), err.decode())

            yield called


async def test_a_task_is_submitted_followed_and_inspected(run: Run) -> None:
    submitted = await run("submit", "GENERATE_BRAND_KIT", BRAND_KIT, "--follow", "--priority", "high")
    assert submitted.code == 0, submitted.err
    lines, _, result = submitted.out.partition("\n{")
    task_id, *lines_of_updates = lines.splitlines()
    assert lines_of_updates[-1].endswith(f"task.completed {task_id} 100% completed")
    assert "{" + result == (await run("result", task_id)).out
    assert json.loads("{" + result)["taskId"] == task_id
    listed = await run("list", "--status", "completed", "--json")
    assert [json.loads(line)["taskId"] for line in listed.out.splitlines()] == [task_id]
    assert task_id in (await run("--user", "olga", "list", "--all")).out
    assert task_id not in (await run("--user", "olga", "list")).out
    again = await run("follow", task_id, "--json")
    assert json.loads(again.out.splitlines()[-1])["task"]["status"] == "completed", "it is in the snapshot"
    inspected = await run("inspect", task_id)
    assert ": completed" in inspected.out and "processing" in inspected.out
    assert json.loads((await run("inspect", task_id, "--json")).out)["priority"] == "high"


async def test_failed_tasks_are_requeued(run: Run, store: Store) -> None:
    def failed(**changes: object) -> dict[str, object]:
        return {"status": TaskStatus.FAILED, "completed_at": now(), "retryable": True, **changes}

    quota = a_task(**failed(end_reason=EndReason.QUOTA, user_id="ada"))
    timeout = a_task(**failed(end_reason=EndReason.TIMEOUT, user_id="bob"))
    hopeless = a_task(**failed(end_reason=EndReason.BAD_INPUT, retryable=False))
    for task in (quota, timeout, hopeless):
        await store.create(task)
    dry = await run("requeue-failed", "--dry-run")
    assert "2 found" in dry.out and quota.task_id in dry.out and timeout.task_id in dry.out
    assert "1 of 1 requeued" in (await run("requeue-failed", "--reason", "quota")).out
    assert "0 of 0" in (await run("requeue-failed", "--type", "GENERATE_BRAND_KIT")).out
    both = await run("requeue-failed", "--all")
    assert "2 of 2 requeued" in both.out and hopeless.task_id in both.out
    async with asyncio.timeout(30):
        for task in (quota, timeout):
            while (found := await store.get(task.task_id)) is None or found.status != TaskStatus.COMPLETED:
                await asyncio.sleep(0.05)


async def test_a_task_is_cancelled_and_retried(run: Run, store: Store) -> None:
    waiting = a_task()
    await store.create(waiting)
    cancelled = await run("cancel", waiting.task_id)
    assert cancelled.code == 0 and "of ada: cancelled" in cancelled.out
    assert "of ada: queued" in (await run("retry", waiting.task_id)).out
    followed = await run("--user", "ada", "follow", waiting.task_id)
    assert followed.code == 0 and "completed" in followed.out.splitlines()[-1]


async def test_a_deployment_is_checked(run: Run, store: Store) -> None:
    async with asyncio.timeout(30):
        while (checked := await run("check")).code != 0:  # the worker may not have sent a heartbeat yet
            assert "workers: none alive" in checked.out
    assert [line.split()[:2] for line in checked.out.splitlines()] == [
        ["ok", f"{what}:"] for what in ("mongo", "redis", "feed", "workers", "types", "hub")
    ]
    assert "online: AUTO_GENERATE_PERSONAS, " in checked.out
    await store.create(a_task(type="NOBODY_RUNS_THIS"))
    stuck = await run("check")
    assert stuck.code == 1 and "fail types: no worker is online for NOBODY_RUNS_THIS (1 queued)" in stuck.out
    away = await run("check", HERALD_URL="http://127.0.0.1:9")
    assert away.code == 1 and away.out.startswith("fail web:")


async def test_errors_are_one_line(run: Run) -> None:
    for arguments, message in (
        (["cancel", "none"], "404: Task not found"),
        (["submit", "NO_SUCH_TYPE", "{}"], "422: /type: Unknown task type"),
        (["submit", "GENERATE_BRAND_KIT", "{"], "Can't read the payload as JSON"),
        (["submit", "GENERATE_BRAND_KIT", "@/no/such/file"], "Can't read the payload as JSON"),
        (["--token", "rubbish", "follow"], "401: The token is not valid"),
        (["--token", "rubbish", "retry", "x"], "401"),
        (["follow", "none"], "404: Task not found"),
        (["result", "none"], "404: Task not found"),
        (["--url", "http://127.0.0.1:9", "cancel", "x"], "Can't reach Herald"),
        (["--url", "127.0.0.1:9", "cancel", "x"], "must start with http"),
    ):
        finished = await run(*arguments)
        assert (finished.code, finished.out) == (1, ""), arguments
        assert message in finished.err and len(finished.err.splitlines()) == 1


async def test_task_types_are_listed(run: Run) -> None:
    listed = [json.loads(line) for line in (await run("task-types", "--json")).out.splitlines()]
    [brand_kit] = [each for each in listed if each["type"] == "GENERATE_BRAND_KIT"]
    assert "brandName" in brand_kit["payloadSchema"]["properties"]
    table = (await run("task-types")).out
    assert "GENERATE_BRAND_KIT" in table and "brandName" in table


async def test_a_token_is_issued_with_the_secret(run: Run, settings: Settings) -> None:
    issued = (await run("token", "olga", "--brand", "acme", "--operator", "--ttl", "60")).out.strip()
    claims = jwt.decode(issued, settings.auth_secret.get_secret_value(), algorithms=["HS256"])
    assert (claims["sub"], claims["brands"], claims["scope"]) == ("olga", ["acme"], "operator")
    assert claims["exp"] - claims["iat"] <= 60
    service = (await run("token", "shop", "--operator", "--service")).out.strip()
    assert jwt.decode(service, options={"verify_signature": False})["scope"] == "operator service"
    assert (await run("inspect", "x", HERALD_TOKEN=issued)).err.startswith("herald: 404")
