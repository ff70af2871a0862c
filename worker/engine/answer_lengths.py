"""Predicts the length of a model's answer, to show progress while it is being written."""

import logging
import statistics
from typing import Any

from redis.exceptions import RedisError

from herald.shared.queue.durations import kind_of
from herald.shared.queue.recent_values import RecentValues
from herald.shared.task_api.prompt import Prompt

log = logging.getLogger(__name__)

DEFAULT_LENGTH = 2000
"""The expected length of an answer, in characters, before any has been recorded."""


class AnswerLengths:
    """Learns the lengths of answers from earlier ones of the same kind of step.

    Only prompts without a draft need this: for the others, the length of the draft is expected.
    """

    def __init__(self, values: RecentValues) -> None:
        self._values = values

    async def expected(self, task_type: str, step: str, prompt: Prompt[Any]) -> int:
        """The expected length of the answer to ``prompt``, in characters."""
        if prompt.draft is not None:
            return len(prompt.draft().model_dump_json(by_alias=True))
        try:
            known = await self._values.read({step: _key(task_type, step)})
        except (RedisError, OSError) as error:
            log.warning("could not read the usual length of answers: %s", error)
            return DEFAULT_LENGTH
        return round(statistics.median(known[step])) if step in known else DEFAULT_LENGTH

    async def record(self, task_type: str, step: str, prompt: Prompt[Any], length: int) -> None:
        """Record the length of a valid answer to ``prompt``, in characters."""
        if prompt.draft is None:
            try:
                await self._values.add([(_key(task_type, step), length)])
            except (RedisError, OSError) as error:
                log.warning("could not record the length of an answer: %s", error)


def _key(task_type: str, step: str) -> str:
    return f"herald:lengths:{task_type}:{kind_of(step)}"
