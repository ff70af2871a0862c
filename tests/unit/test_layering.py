"""Imports point down only, and one module reads the environment."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted(path for top in ("shared", "server", "worker") for path in (ROOT / top).rglob("*.py"))

# A package may import those above it in this list.
SHARED = [
    {"shared.settings", "shared.aio"},
    {"shared.observability"},
    {"shared.redis", "shared.tasks"},
    {"shared.task_api"},
    {"shared.feed", "shared.tokens"},
    {"shared.queue", "shared.client"},
    {"shared.launcher"},
    {"shared.cli", "shared.herald"},
]
SERVER = [
    *SHARED[:-2],
    {"server.strict_json", "server.payloads"},
    {"server.hub"},
    {"server.auth"},
    {"server.task_types"},
    {"server.admission", "server.admin"},
    {"server.snapshots"},
    {"server.dependencies"},
    {"server.http"},
    {"server.contracts", "server.uvicorn_protocol"},
    {"server.app", "server.__main__"},
]
WORKER = [
    *SHARED[:-2],
    {"worker.llm", "worker.loaded"},
    {"worker.tasks"},
    {"worker.attempts", "worker.registration", "worker.threads"},
    {"worker.dependencies"},
    {"worker.engine"},
    {"worker.maintenance", "worker.testing"},
    {"worker.main", "worker.__main__"},
]
FACES = {"shared.herald.testing": {"worker.testing"}}
"""What a module of the public face re-exports from outside ``shared``."""
ORDERS = {"shared": SHARED, "server": SERVER, "worker": WORKER}


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def package_of(module: str) -> str:
    return ".".join(module.split(".")[:2])


def imports_of(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def layer_of(package: str, order: list[set[str]]) -> int:
    found = next((number for number, layer in enumerate(order) if package in layer), None)
    assert found is not None, f"{package} has no place in this order"
    return found


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_point_down(path: Path) -> None:
    module = name_of(path)
    imported = imports_of(path)
    assert {name.partition(".")[0] for name in imported}.isdisjoint({"tests", *ORDERS}), (
        "import it as herald.…"
    )
    package, order = package_of(module), ORDERS[module.partition(".")[0]]
    if "." not in module:
        return
    # A name that is imported from a package's root, such as `from herald.shared import aio`, is a module.
    ours = {package_of(name.removeprefix("herald.")) for name in imported if name.count(".") > 1}
    ours -= {package, *FACES.get(module, ())}
    for other in {name for name in ours if name.partition(".")[0] in ORDERS}:
        assert layer_of(other, order) < layer_of(package, order), (
            f"{module} imports {other}, which is not below it"
        )


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_only_settings_reads_the_environment(path: Path) -> None:
    if name_of(path) == "shared.settings":
        return
    names = {node.attr for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}
    assert names.isdisjoint({"environ", "environb", "getenv"})


def test_the_pure_modules_do_no_io() -> None:
    io = {"asyncio", "socket", "redis", "motor", "pymongo", "starlette", "uvicorn", "websockets", "httpx2"}
    pure = (
        "shared/tasks/models.py",
        "shared/tasks/channels.py",
        "shared/tasks/events.py",
        "shared/tasks/records.py",
        "server/payloads/schema.py",
        "server/payloads/faults.py",
        "server/payloads/formats.py",
        "server/hub/protocol.py",
        "server/auth/principal.py",
        "server/auth/errors.py",
        "server/hub/frame.py",
        "server/hub/outbox.py",
        "server/hub/rate_limit.py",
        "server/http/origins.py",
    )
    for module in pure:
        assert {name.partition(".")[0] for name in imports_of(ROOT / module)}.isdisjoint(io), module


def test_tokens_and_permissions_do_not_depend_on_the_hub() -> None:
    paths = {path for path in MODULES if package_of(name_of(path)) == "server.auth"}
    uses = {name_of(path) for path in paths if any(".server.hub" in name for name in imports_of(path))}
    assert uses <= {"server.auth.revocation", "server.auth.authorizer"}


def test_three_modules_handle_tokens() -> None:
    uses = {name_of(path) for path in MODULES if "jwt" in imports_of(path)}
    assert uses == {"shared.tokens", "server.auth.jwks", "server.auth.verify"}


def test_one_module_spells_the_names_of_channels() -> None:
    prefixes = {"tasks#", "task:", "brand:"}
    uses = {
        name_of(path)
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in prefixes
    }
    assert uses == {"shared.tasks.channels"}


def test_the_hub_stands_alone() -> None:
    allowed = {
        "server.hub",
        "server.strict_json",
        "shared.aio",
        "shared.feed",
        "shared.observability",
        "shared.settings",
    }
    for path in (ROOT / "server/hub").rglob("*.py"):
        ours = {name.removeprefix("herald.") for name in imports_of(path) if name.count(".") > 1}
        packages = {package_of(name) for name in ours if name.partition(".")[0] in ORDERS}
        assert packages <= allowed, f"{name_of(path)} imports {packages - allowed}"


def test_one_module_relies_on_uvicorn_s_internals() -> None:
    uses = {name_of(path) for path in MODULES if any("uvicorn." in name for name in imports_of(path))}
    assert uses == {"server.uvicorn_protocol"}


def test_the_embedded_database_is_never_imported() -> None:
    for path in MODULES:
        assert not any(name.startswith("secantus") for name in imports_of(path))


def test_the_example_application_uses_only_the_public_api() -> None:
    for path in (ROOT / "worker/tasks").rglob("*.py"):
        if path.name != "storage.py":
            inner = {name for name in imports_of(path) if name.startswith("herald.") and name.count(".") > 1}
            assert all(name.startswith("herald.worker.tasks.") for name in inner), path
