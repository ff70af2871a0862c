"""The provider that needs no API key: it streams the rule-based draft of each prompt."""

import asyncio
import re
from collections.abc import AsyncGenerator
from typing import Any

from herald.shared.task_api.errors import ModelError
from herald.shared.task_api.prompt import Prompt
from herald.shared.tasks.models import EndReason, Usage
from herald.worker.llm.provider import Piece

USAGE = Usage(provider="offline", model="rules")


class OfflineProvider:
    """Writes at a readable pace; 0 words per second means as fast as possible."""

    def __init__(self, words_per_second: float) -> None:
        self._pause_s = 1 / words_per_second if words_per_second else 0.0

    async def write(self, prompt: Prompt[Any]) -> AsyncGenerator[Piece, None]:
        """The draft, word by word.

        Raises:
            ModelError: the prompt has no draft.
        """
        if prompt.draft is None:
            raise ModelError(
                f"The offline provider cannot write {prompt.schema.__name__}: its prompt has no draft. "
                "Ask your administrator to set HERALD_GEMINI_API_KEY, then retry",
                EndReason.PROVIDER_ERROR,
                retryable=False,
            )
        text = prompt.draft().model_dump_json(by_alias=True)
        for word in re.findall(r"\S+\s*", text):
            await asyncio.sleep(self._pause_s)
            yield Piece(word, USAGE)
