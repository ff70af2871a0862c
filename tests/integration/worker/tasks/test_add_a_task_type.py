"""The example in docs/add-a-task-type.md works: it is added to a copy of the code and run."""

import asyncio
import re
import shutil
from pathlib import Path

import httpx2

from herald.shared.settings import Settings
from herald.shared.tokens import TokenIssuer
from tests.support.client import Herald
from tests.support.processes import ROOT, WORKER, environment, running, web

FILE = "worker/tasks/press_release.py"
REGISTRATION = "shared/tasks/task_types.py"


def copy_with_example(to: Path) -> None:
    for package in ("shared", "server", "worker", "static"):
        shutil.copytree(ROOT / package, to / "herald" / package, ignore=shutil.ignore_patterns("__pycache__"))
    guide = (ROOT / "docs/add-a-task-type.md").read_text()
    for path, heading in ((FILE, "The file"), (REGISTRATION, "The registration")):
        code = re.search(rf"## {heading}: (?:in )?`{path}`.*?```python\n(.*?)```", guide, re.DOTALL)
        assert code, f"the guide has no code for {path}"
        with (to / "herald" / path).open("a") as file:
            file.write("\n\n" + code[1])


async def test_the_example_task_type_runs_from_request_to_result(settings: Settings, tmp_path: Path) -> None:
    await asyncio.to_thread(copy_with_example, tmp_path)
    # Python finds the copy before the project itself, however that was installed.
    variables = environment(settings, PYTHONPATH=str(tmp_path))
    with running(WORKER, variables, cwd=tmp_path):
        async with (
            web(settings, cwd=tmp_path) as address,
            httpx2.AsyncClient(base_url=f"http://{address}") as http,
        ):
            herald = Herald(http, address, TokenIssuer(settings), "ada")
            request = {"type": "WRITE_PRESS_RELEASE", "payload": {"company": "Northlight"}}
            refused = await herald.post("/api/jobs", json=request)
            assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/payload/news")
            request["payload"]["news"] = "The kiln is lit"  # type: ignore[index]
            task_id = (await herald.create(request))["taskId"]
            async with asyncio.timeout(30):
                while (task := (await herald.get(f"/api/jobs/{task_id}")).json())["progress"] < 100:
                    await asyncio.sleep(0.05)
            assert task["result"] == {"pressReleaseId": task_id}
            assert [step["status"] for step in task["steps"]] == ["completed"] * 3
            release = (await herald.get(f"/api/pressReleases/{task_id}")).json()
            assert release["headline"] == "News from Northlight"
            assert release["paragraphs"][0].startswith("The news: The kiln is lit.")
            listed = (await herald.get(f"/api/pressReleases?taskId={task_id}")).json()
            assert listed == {"pressReleases": [release]}
