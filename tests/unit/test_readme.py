"""The task in the README runs as it stands there."""

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from herald.testing import run_sync

README = (Path(__file__).resolve().parents[2] / "README.md").read_text()


def test_the_task_in_the_readme_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    code = re.search(r"```python\n# shop/tasks\.py\n(.*?)```", README, re.DOTALL)
    assert code is not None
    shop = ModuleType("shop_tasks")
    monkeypatch.setitem(sys.modules, shop.__name__, shop)
    exec(code[1], vars(shop))  # noqa: S102  our own document
    run = run_sync(shop.write_press_release, shop.News(company="Ada", headline="A new bell"))
    assert run.result == ["Ada announces: A new bell.", "It is available today."]
    assert list(run.steps) == ["Finding the angle", "Writing"]
    assert run.task.title == "A new bell"
