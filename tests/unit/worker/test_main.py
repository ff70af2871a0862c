"""What keeps a worker from starting."""

import os
import sys

import pytest

from herald.shared import settings as settings_module
from herald.worker.__main__ import main


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HERALD_REDIS_URL", "HERALD_MONGO_URL"):
        monkeypatch.setenv(name, f"{'redis' if 'REDIS' in name else 'mongodb'}://127.0.0.1:1")
    monkeypatch.setenv("HERALD_TASKS", "herald.worker.tasks")
    monkeypatch.setattr(settings_module, "load", settings_module.Settings)


def test_a_missing_gemini_client_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HERALD_GEMINI_API_KEY", "key")
    monkeypatch.setitem(sys.modules, "genai_prices", None)
    with pytest.raises(SystemExit, match=r"pip install 'herald-push\[gemini\]'"):
        main([])


def test_a_missing_module_is_a_configuration_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["no_such_bakery.tasks"])
    assert caught.value.code == os.EX_CONFIG
    assert capsys.readouterr().err.startswith("herald: there is no module 'no_such_bakery.tasks'")
