"""Lua scripts that run within Redis, each in a file beside the module that runs it."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import NoScriptError

from herald.shared.redis.pool import exchange

Call = tuple[Sequence[str], Sequence[str | bytes | int]]
"""A script's keys and arguments."""


class Script:
    """A Lua script, sent by its digest; its text goes to Redis once, and again if Redis forgot it.

    Several files are joined into one script: functions that scripts share come first.
    """

    def __init__(self, *files: Path) -> None:
        self.text = "\n".join(file.read_text() for file in files)
        self.digest = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()

    async def run(self, redis: Redis, keys: Sequence[str], arguments: Sequence[str | bytes | int]) -> Any:
        """Run the script and return its reply."""
        return (await self.run_each(redis, [(keys, arguments)]))[0]

    async def run_each(self, redis: Redis, calls: Sequence[Call]) -> list[Any]:
        """Run the script once a call in one round trip; the replies in order."""
        try:
            return await self._send(redis, calls)
        except NoScriptError:  # a new or restarted Redis: then none of the calls ran
            await redis.script_load(self.text)
            return await self._send(redis, calls)

    async def _send(self, redis: Redis, calls: Sequence[Call]) -> list[Any]:
        commands = [("EVALSHA", self.digest, len(keys), *keys, *arguments) for keys, arguments in calls]
        return await exchange(redis, commands)
