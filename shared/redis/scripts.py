"""Runs Lua scripts in Redis; each script is a file beside the module that uses it."""

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
    """A Lua script that is called by its digest; Redis is sent the text only if it does not know the script.

    Several files are joined into one script, in their order, so that scripts can share functions.
    """

    def __init__(self, *files: Path) -> None:
        self.text = "\n".join(file.read_text() for file in files)
        self.digest = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()

    async def run(self, redis: Redis, keys: Sequence[str], arguments: Sequence[str | bytes | int]) -> Any:
        """Run the script once and return its reply; raises as `run_each` does."""
        return (await self.run_each(redis, [(keys, arguments)]))[0]

    async def run_each(self, redis: Redis, calls: Sequence[Call]) -> list[Any]:
        """Run the script once for each call, all in one round trip, and return the replies in order.

        Raises:
            redis.RedisError: the script failed, or Redis cannot be reached.
        """
        commands = [("EVALSHA", self.digest, len(keys), *keys, *arguments) for keys, arguments in calls]
        try:
            return await exchange(redis, commands)
        except NoScriptError:  # Redis is new or was restarted, so none of the calls ran
            await redis.script_load(self.text)
            return await exchange(redis, commands)
