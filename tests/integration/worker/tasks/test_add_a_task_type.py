"""The example of docs/add-a-task-type.md, applied to a copy of the code and run."""

import asyncio
import re
import shutil
from pathlib import Path

import httpx2

from herald.server.auth.verify import Authenticator
from herald.shared.settings import Settings
from tests.support.client import Herald
from tests.support.processes import ROOT, WORKER, environment, running, web

FILE = "worker/tasks/press_release.py"
REGISTRATION = "shared/tasks/task_types.py"


def copy_with_the_example(to: Path) -> None:
    for package in ("shared", "server", "worker", "static"):
        shutil.copytree(ROOT / package, to / "herald" / package, ignore=shutil.ignore_patterns("__pycache__"))
    guide = (ROOT / "docs/add-a-task-type.md").read_text()
    for path, heading in ((FILE, "The file"), (REGISTRATION, "The registration")):
        found = re.search(rf"## {heading}: (?:in )?`{path}`.*?```python\n(.*?)```", guide, re.DOTALL)
        assert found, f"the guide has no code for {path}"
        with (to / "herald" / path).open("a") as file:
            file.write("\n\n" + found[1])


async def test_the_guide_s_example_runs(settings: Settings, tmp_path: Path) -> None:
    await asyncio.to_thread(copy_with_the_example, tmp_path)
    # Python finds the copy before the project itself, however that was installed.
    variables = environment(settings, PYTHONPATH=str(tmp_path))
    with running(WORKER, variables, cwd=tmp_path):
        async with (
            web(settings, cwd=tmp_path) as address,
            httpx2.AsyncClient(base_url=f"http://{address}") as http,
        ):
            herald = Herald(http, address, Authenticator(settings), "ada")
            wanted = {"type": "WRITE_PRESS_RELEASE", "payload": {"company": "Northlight"}}
            refused = await herald.post("/api/jobs", json=wanted)
            assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/payload/news")
            wanted["payload"]["news"] = "The kiln is lit"  # type: ignore[index]
            task_id = (await herald.create(wanted))["taskId"]
            async with asyncio.timeout(30):
                while (task := (await herald.get(f"/api/jobs/{task_id}")).json())["progress"] < 100:
                    await asyncio.sleep(0.05)
            assert task["result"] == {"pressReleaseId": task_id}
            assert [step["status"] for step in task["steps"]] == ["completed"] * 3
            made = (await herald.get(f"/api/pressReleases/{task_id}")).json()
            assert made["headline"] == "News: The kiln is lit"
            assert "Northlight" in made["paragraphs"][1]
            every = (await herald.get(f"/api/pressReleases?taskId={task_id}")).json()
            assert every == {"pressReleases": [made]}
