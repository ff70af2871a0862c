"""Modules of task types that cannot be used are reported without noise."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from herald.shared.task_api.modules import TaskModuleError, import_modules, require_modules


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package ``baker`` in the current directory, whose import is undone after the test."""
    (tmp_path / "baker").mkdir()
    (tmp_path / "baker/__init__.py").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in [name for name in sys.modules if name.split(".")[0] == "baker"]:
        del sys.modules[name]


@pytest.mark.parametrize("name", ["bakery", "bakery.tasks", "baker.bread", "baker.bread.rye", "baker."])
@pytest.mark.parametrize("use", [require_modules, import_modules])
def test_a_module_that_does_not_exist_is_named(
    project: Path, use: Callable[[list[str]], None], name: str
) -> None:
    with pytest.raises(TaskModuleError) as caught:
        use([name])
    first, second = str(caught.value).splitlines()
    assert repr(name) in first and str(project) in first
    assert second.startswith("Check the name")


def test_checking_a_module_does_not_run_it(project: Path) -> None:
    (project / "baker/oven.py").write_text("raise AssertionError")
    (project / "baker/__init__.py").write_text("raise AssertionError")
    require_modules(["baker.oven", "baker", "json"])


def test_an_error_inside_a_module_is_shown_with_the_lines_of_its_owner_only(project: Path) -> None:
    (project / "baker/flour.py").write_text("import no_such_flour\n")
    (project / "baker/bread.py").write_text("from baker import flour\n")
    with pytest.raises(TaskModuleError) as caught:
        import_modules(["baker.bread"])
    lines = str(caught.value).splitlines()
    assert lines[0] == "can't import baker.bread:"
    assert [line.split('"')[1] for line in lines if '"' in line] == [
        str(project / "baker/bread.py"),
        str(project / "baker/flour.py"),
    ]
    assert lines[-1] == "ModuleNotFoundError: No module named 'no_such_flour'"


def test_a_syntax_error_is_shown_without_a_traceback(project: Path) -> None:
    (project / "baker/cake.py").write_text("def")
    with pytest.raises(TaskModuleError) as caught:
        import_modules(["baker.cake"])
    assert "Traceback" not in str(caught.value)
    assert str(caught.value).endswith("SyntaxError: invalid syntax")
