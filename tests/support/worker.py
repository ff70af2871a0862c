"""The parts of a worker, with a model provider that follows a script."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any

from herald.shared.feed.announcer import Announcer
from herald.shared.feed.feed import Feed
from herald.shared.queue.durations import Forecast
from herald.shared.settings import Settings
from herald.shared.tasks.models import Usage
from herald.shared.tasks.store import Store
from herald.worker.engine.attempt import Parts
from herald.worker.engine.attempts import Runs
from herald.worker.llm.provider import Piece, Prompt, Provider
from herald.worker.tasks import GENERATORS

USAGE = Usage(provider="scripted", model="m", input_tokens=10, output_tokens=5)
Answer = Callable[[Prompt[Any]], AsyncIterator[str]]


def text_of(prompt: Prompt[Any]) -> str:
    text: str = prompt.draft().model_dump_json(by_alias=True)
    return text


async def draft(prompt: Prompt[Any]) -> AsyncIterator[str]:
    yield text_of(prompt)


async def slowly(prompt: Prompt[Any]) -> AsyncIterator[str]:
    text = text_of(prompt)
    for start in range(0, len(text), 20):
        yield text[start : start + 20]
        await asyncio.sleep(0.002)


class ScriptedProvider:
    """Answers each call with the next item of its script, and with the prompt's draft once that is used up."""

    def __init__(self, *script: Answer | Exception) -> None:
        self._script = list(script)
        self.calls: Counter[str] = Counter()

    async def write(self, prompt: Prompt[Any]) -> AsyncGenerator[Piece, None]:
        self.calls[prompt.schema.__name__] += 1
        answer = self._script.pop(0) if self._script else draft
        if isinstance(answer, Exception):
            raise answer
        async for text in answer(prompt):
            yield Piece(text, USAGE)


def parts_of(
    settings: Settings, store: Store, feed: Feed, provider: Provider, worker_id: str = "w1"
) -> Parts:
    return Parts(
        settings=settings,
        store=store,
        feed=feed,
        announcer=Announcer(store, feed),
        forecast=Forecast(feed.redis),
        provider=provider,
        worker_id=worker_id,
        generators=GENERATORS,
        runs=Runs(),
    )


MakeParts = Callable[..., Parts]
