"""The provider that needs no key: it streams the rule-based draft that a prompt brings along."""

import asyncio
import re
from collections.abc import AsyncGenerator
from typing import Any

from herald.shared.tasks.models import Usage
from herald.worker.llm.provider import Piece, Prompt

USAGE = Usage(provider="offline", model="rules")


class OfflineProvider:
    """Writes at a pace that a person can follow; 0 words per second is as fast as it can."""

    def __init__(self, words_per_second: float) -> None:
        self._pause_s = 1 / words_per_second if words_per_second else 0.0

    async def write(self, prompt: Prompt[Any]) -> AsyncGenerator[Piece, None]:
        """The draft, word by word."""
        text = prompt.draft().model_dump_json(by_alias=True)
        for word in re.findall(r"\S+\s*", text):
            await asyncio.sleep(self._pause_s)
            yield Piece(word, USAGE)
