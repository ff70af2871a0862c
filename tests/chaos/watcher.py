"""A client that follows a user's tasks and reconnects after every failure."""

import asyncio
from typing import Any

from tests.support.client import Herald


class Watcher:
    """Follows the tasks of a user and recovers after every disconnect, as the official clients do.

    A returning client passes its ``position``: the `recover`, `epoch` and `offset` of a subscribe request.
    """

    def __init__(self, herald: Herald, user: str = "ada", position: dict[str, Any] | None = None) -> None:
        self._herald = herald
        self._channel = f"tasks#{user}"
        self._position = position or {}
        self.offsets: list[int] = []
        self.newest: dict[str, dict[str, Any]] = {}
        self.snapshots = 0

    async def run(self) -> None:
        position = self._position
        while True:
            try:
                async with self._herald.connected(
                    subs={self._channel: position} if position else {}
                ) as socket:
                    subscription = socket.hello["subs"][self._channel]
                    position = {
                        "recover": True,
                        "epoch": subscription["epoch"],
                        "offset": subscription["offset"],
                    }
                    if "data" in subscription:
                        self.snapshots += 1
                        self.offsets.clear()
                        self._take(subscription["data"]["tasks"])
                    for publication in subscription.get("publications", []):
                        self._publication(publication)
                    while True:
                        publication = await socket.publication()
                        self._publication(publication)
                        position["offset"] = publication["offset"]
            except Exception:
                await asyncio.sleep(0.1)

    def _publication(self, publication: dict[str, Any]) -> None:
        self.offsets.append(publication["offset"])
        self._take([publication["data"]["task"]])

    def _take(self, tasks: list[dict[str, Any]]) -> None:
        for task in tasks:
            known = self.newest.get(task["taskId"], {"rev": 0, "tick": 0})
            if (task["rev"], task["tick"]) > (known["rev"], known["tick"]):
                self.newest[task["taskId"]] = task
