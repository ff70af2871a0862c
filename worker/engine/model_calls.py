"""Asks the model: streams its answer as a draft, validates it, and sends an invalid one back once."""

import math
from collections.abc import Callable, Sequence
from contextlib import aclosing
from typing import Any

from opentelemetry.trace import SpanKind

from herald.shared.observability import metrics, tracing
from herald.shared.task_api.errors import ModelError
from herald.shared.task_api.prompt import AnswerT, InvalidAnswerError, Prompt
from herald.shared.tasks.models import EndReason, Usage
from herald.worker.engine.answer_lengths import AnswerLengths
from herald.worker.engine.drafts import Drafts
from herald.worker.llm.provider import Provider


class ModelCalls:
    """The calls to the model in one attempt.

    Args:
        provider: the model.
        drafts: where answers are published while they are written.
        lengths: predicts the lengths of answers.
        task_type: the task's type.
    """

    def __init__(self, provider: Provider, drafts: Drafts, lengths: AnswerLengths, task_type: str) -> None:
        self._provider = provider
        self._drafts = drafts
        self._lengths = lengths
        self._type = task_type

    async def ask(
        self, prompt: Prompt[AnswerT], *, step: str, part: str | None, advance: Callable[[float], None]
    ) -> AnswerT:
        """The model's answer to ``prompt``. One that does not fit is sent back with its faults, once.

        Args:
            prompt: the question.
            step: the step that asks.
            part: tells answers apart that the step requests at the same time.
            advance: called with the share of the answer that has arrived, from 0 to 1.

        Raises:
            ModelError: the model gave no usable answer.
        """
        faults: Sequence[str] = ()
        for _ in range(2):
            text = await self._write(prompt, step, part, advance)
            try:
                answer = prompt.parse(text)
            except InvalidAnswerError as invalid:
                faults = invalid.faults
                prompt = prompt.again(text, faults)
            else:
                await self._lengths.record(self._type, step, prompt, len(text))
                return answer
        raise ModelError(
            f"The model's answer was invalid twice ({'; '.join(faults)}). Retry, or change the input",
            EndReason.BAD_OUTPUT,
            retryable=False,
        )

    async def _write(
        self, prompt: Prompt[Any], step: str, part: str | None, advance: Callable[[float], None]
    ) -> str:
        """Return the text of one answer, and report its draft and progress while the model writes it."""
        draft = self._drafts.begin(step, part)
        expected = await self._lengths.expected(self._type, step, prompt)
        text = []
        try:
            with tracing.span(f"write {prompt.schema.__name__}", kind=SpanKind.CLIENT):
                async with aclosing(self._provider.write(prompt)) as pieces:
                    async for piece in pieces:
                        text.append(piece.text)
                        draft.add(piece.text, piece.usage)
                        advance(_share(draft.length, expected))
        finally:
            self._drafts.finish(draft)
            _count(draft.usage)
        return "".join(text)


def _count(usage: Usage | None) -> None:
    """Add the usage of a call to the metrics, however the call ended."""
    if usage is not None:
        labels = (usage.provider, usage.model)
        metrics.TOKENS.labels(*labels, "input").inc(usage.input_tokens)
        metrics.TOKENS.labels(*labels, "output").inc(usage.output_tokens)
        metrics.COST_USD.labels(*labels).inc(usage.cost_usd or 0)


def _share(written: int, expected: int) -> float:
    """The share of an answer that has been written. It stays below 1, because ``expected`` is a guess."""
    ratio = written / max(expected, 1)
    return 0.9 * ratio if ratio <= 1 else 1 - 0.1 * math.exp(1 - ratio)
