"""Imports point down only, and one module reads the environment."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("shared", "server", "worker")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))

# Within `shared`, a module may import those of a lower layer, and those beside which it is named.
LAYERS = [
    {"shared.settings", "shared.models", "shared.batch", "shared.ending"},
    {"shared.catalog", "shared.events", "shared.metrics", "shared.tracing"},
    {"shared.logs", "shared.tokens", "shared.centrifugo", "shared.documents"},
    {"shared.redis_pool", "shared.survey"},
    {"shared.scripts", "shared.forecast"},
    {"shared.store", "shared.feed"},
    {"shared.follower", "shared.queue", "shared.announcer"},
    {"shared.fleet"},
    {"shared.outlook"},
    {"shared.processes", "shared.watcher"},
    {"shared.embedded", "shared.supervisor"},
    {"shared.run"},
]


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports_of(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def layer_of(module: str) -> int:
    return next(number for number, layer in enumerate(LAYERS) if module in layer)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_point_down(path: Path) -> None:
    package = name_of(path).partition(".")[0]
    foreign = {name for name in imports_of(path) if name.partition(".")[0] in {*PACKAGES, "tests"}}
    allowed = {"shared"} if package == "shared" else {"shared", package}
    assert {name.partition(".")[0] for name in foreign} <= allowed


@pytest.mark.parametrize("path", [path for path in MODULES if path.parent.name == "shared"], ids=name_of)
def test_the_layers_of_shared(path: Path) -> None:
    module = name_of(path)
    if module == "shared":
        return
    known = {name for layer in LAYERS for name in layer}
    assert module in known, f"give {module} its layer"
    for imported in imports_of(path) & known:
        assert layer_of(imported) < layer_of(module), f"{module} imports {imported}, which is not below it"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_only_settings_reads_the_environment(path: Path) -> None:
    if name_of(path) == "shared.settings":
        return
    names = {node.attr for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}
    assert names.isdisjoint({"environ", "environb", "getenv"})


def test_the_pure_modules_do_no_io() -> None:
    io = {"asyncio", "socket", "redis", "motor", "pymongo", "starlette", "uvicorn", "websockets", "httpx2"}
    for module in ("shared/models.py", "shared/events.py", "shared/catalog.py", "server/hub/protocol.py"):
        assert {name.partition(".")[0] for name in imports_of(ROOT / module)}.isdisjoint(io), module


def test_the_embedded_database_is_never_imported() -> None:
    for path in MODULES:
        assert not any(name.startswith("secantus") for name in imports_of(path))
