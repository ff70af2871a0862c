"""docs/client.md shows methods, fields and exceptions that exist."""

import ast
import re
from pathlib import Path

import herald
from herald import AsyncHandle, AsyncHerald, Handle, Herald, HeraldError, TaskFailed, Update

TEXT = (Path(__file__).resolve().parents[4] / "docs/client.md").read_text()
OBJECTS: dict[str, tuple[type, ...]] = {
    "herald": (Herald, AsyncHerald),
    "handle": (Handle, AsyncHandle),
}
CODE = ast.parse(
    "async def document():\n"
    + "\n".join(
        re.sub(r"^(?=.)", "    ", block, flags=re.MULTILINE)
        for block in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    )
)


def test_the_snippets_call_existing_methods_with_existing_arguments() -> None:
    calls = [node for node in ast.walk(CODE) if isinstance(node, ast.Call)]
    found = 0
    for call in calls:
        match call.func:
            case ast.Attribute(ast.Name(name), method) if name in OBJECTS:
                for owner in OBJECTS[name]:
                    assert callable(getattr(owner, method)), f"{owner.__name__}.{method}"
                found += 1
    assert found > 5


def test_every_name_in_the_text_exists() -> None:
    imported = {
        alias.name
        for node in ast.walk(CODE)
        if isinstance(node, ast.ImportFrom) and node.module == "herald"
        for alias in node.names
    }
    exceptions = {
        name
        for node in ast.walk(CODE)
        if isinstance(node, ast.ExceptHandler)
        for name in re.findall(r"\w+", ast.unparse(node.type or ast.Constant(0)))
    }
    for name in imported | exceptions - {"TimeoutError"}:
        assert hasattr(herald, name), name
    tables = re.findall(r"^\| (`.*?) \|", TEXT, re.MULTILINE)
    for name in re.findall(r"`([A-Z]\w+)`", " ".join(tables)):
        assert issubclass(getattr(herald, name), HeraldError), name
    for name, method in re.findall(r"`(herald|handle)\.(\w+)\(", TEXT):
        assert all(hasattr(owner, method) for owner in OBJECTS[name]), f"{name}.{method}"
    for field in re.findall(r"update\.(\w+)", TEXT):
        assert field in {*Update.__dataclass_fields__, *vars(Update)}, field
    assert issubclass(TaskFailed, HeraldError)
