"""Duties: work that a worker repeats in the background."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import NamedTuple, NoReturn

from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

log = logging.getLogger(__name__)


class Duty(NamedTuple):
    """Work to repeat every ``every_s`` seconds."""

    name: str
    """For the logs."""
    every_s: float
    work: Callable[[], Awaitable[None]]


async def repeat(duty: Duty) -> NoReturn:
    """Repeat a duty until cancelled. Failures are logged, and the next round tries again."""
    while True:
        try:
            await duty.work()
        except (RedisError, PyMongoError, OSError) as error:
            log.warning("%s: a service is unreachable: %s", duty.name, error)
        except Exception:
            log.exception("%s failed", duty.name)
        await asyncio.sleep(duty.every_s)
