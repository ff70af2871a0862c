"""The server and the shared packages know no task type by name."""

import re
from pathlib import Path

import pytest

from tests.unit.test_layering import ROOT

NAMES = re.compile(r"GENERATE_|(?i:media_?plan|brand_?kit|persona)")
FILES = sorted(
    path for top in ("shared", "server") for path in (ROOT / top).rglob("*") if path.suffix in {".py", ".lua"}
)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_task_type_is_named(path: Path) -> None:
    assert not NAMES.findall(path.read_text())
