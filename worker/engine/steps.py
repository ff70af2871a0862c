"""Runs the steps of an attempt: asks the model, saves its answers, and reuses those of earlier attempts."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from functools import partial
from typing import Any

from opentelemetry.trace import SpanKind
from pydantic import ValidationError

from herald.shared.aio import cancel_and_wait
from herald.shared.observability import metrics, tracing
from herald.shared.task_api.errors import ModelError
from herald.shared.task_api.prompt import AnswerT, InvalidAnswerError, Prompt
from herald.shared.tasks.models import EndReason, Step, Task, Usage, now
from herald.worker.dependencies import Dependencies
from herald.worker.engine.answer_lengths import AnswerLengths
from herald.worker.engine.journal import Journal
from herald.worker.engine.timing import StepClock
from herald.worker.tasks.base import PlannedStep

PARTS_AT_ONCE = 4
"""How many answers of one step are written at the same time."""


class StepRunner:
    """The steps of one attempt, as generators use them; it implements `herald.worker.tasks.base.Steps`.

    Example::

        async with steps.run("Drafting strategy") as step:
            strategy = await step.ask(prompt)
        async with steps.run("Writing posts") as step:
            weeks = await step.ask_each({"week 1": …, "week 2": …})
    """

    def __init__(
        self,
        plan: Sequence[PlannedStep],
        checkpoints: dict[str, Any],
        *,
        journal: Journal,
        clock: StepClock,
        dependencies: Dependencies,
    ) -> None:
        self.plan = plan
        self.checkpoints = checkpoints
        self.journal = journal
        self.store = dependencies.store
        self.provider = dependencies.provider
        self.lengths = AnswerLengths(dependencies.queue.redis)
        self._clock = clock

    @property
    def task(self) -> Task:
        """The current state of the task."""
        return self.journal.task

    async def begin(self) -> None:
        """Record the planned steps in the task, and start the clock.

        Raises:
            LeaseLostError: see `Journal`.
        """
        known = {step.name: step for step in self.task.steps}
        steps = [known.get(planned.name, Step(name=planned.name)) for planned in self.plan]
        ahead = {
            planned.name: self._rounds(planned)
            for planned, step in zip(self.plan, steps, strict=True)
            if step.status != "completed"
        }
        await self._clock.begin(ahead, is_whole_run=not self.checkpoints)
        await self._record(steps)

    @asynccontextmanager
    async def run(self, name: str) -> AsyncIterator["RunningStep"]:
        """Run the planned step ``name``. It is completed when the block ends without an exception.

        Raises:
            LeaseLostError: see `Journal`.
        """
        index = [planned.name for planned in self.plan].index(name)
        done = self.task.steps[index].status == "completed"  # by an earlier attempt
        if not done:
            self._clock.start(name)
            running = Step(name=name, status="running", started_at=now())
            await self._record(self._with(index, running), current_step=name, current_step_index=index)
        with tracing.span(name):
            yield RunningStep(self, index)
        self.advance(index, 1)
        if not done:
            self._clock.finish(name)
            finished = {"status": "completed", "completed_at": now()}
            await self._record(self._with(index, self.task.steps[index].model_copy(update=finished)))

    def advance(self, index: int, fraction: float) -> None:
        """Set the progress of the step at ``index`` to ``fraction``, from 0 to 1."""
        total = sum(step.weight for step in self.plan)
        before = sum(step.weight for step in self.plan[:index])
        self.journal.advance(100 * (before + self.plan[index].weight * fraction) / total)

    async def record_progress(self) -> None:
        """Store the attempt's progress, and publish it.

        Raises:
            LeaseLostError: see `Journal`.
        """
        await self.journal.record("task.progress", estimated_completion=self._clock.estimate())

    def _rounds(self, step: PlannedStep) -> int:
        """How many rounds of concurrent answers the step still needs."""
        answered = sum(key.startswith(f"{step.name}: ") for key in self.checkpoints)
        return math.ceil(max(step.parts - answered, 1) / PARTS_AT_ONCE)

    def _with(self, index: int, step: Step) -> list[Step]:
        return [*self.task.steps[:index], step, *self.task.steps[index + 1 :]]

    async def _record(self, steps: list[Step], **changes: Any) -> None:
        estimate = self._clock.estimate()
        await self.journal.record("task.step", steps=steps, estimated_completion=estimate, **changes)


class RunningStep:
    """A step while it is running; it implements `herald.worker.tasks.base.RunningStep`."""

    def __init__(self, runner: StepRunner, index: int) -> None:
        self._runner = runner
        self._index = index
        self._name = runner.plan[index].name

    async def ask(self, prompt: Prompt[AnswerT]) -> AnswerT:
        """The model's answer, or the one from an earlier attempt.

        Raises:
            LeaseLostError: see `Journal`.
            ModelError: the model gave no usable answer.
        """
        return (await self.ask_each({"": prompt}))[""]

    async def ask_each(self, prompts: Mapping[str, Prompt[AnswerT]]) -> dict[str, AnswerT]:
        """The answers to several prompts, written concurrently. Each one is saved as soon as it arrives.

        If one fails and a retry may help, no further answer is started, but those in progress are finished,
        because they are paid for anyway.

        Raises:
            LeaseLostError: see `Journal`.
            ModelError: the model gave no usable answer to one of them.
        """
        waiting = iter(prompts.items())
        arrived = dict.fromkeys(prompts, 0.0)
        answers: dict[str, AnswerT] = {}
        failure: Exception | None = None

        def advance(part: str, fraction: float) -> None:
            arrived[part] = fraction
            self._runner.advance(self._index, sum(arrived.values()) / len(arrived))

        async def lane() -> None:
            nonlocal failure
            try:
                while failure is None and (question := next(waiting, None)) is not None:
                    part, prompt = question
                    answers[part] = await self._answer(part, prompt, partial(advance, part))
                    advance(part, 1)
                    if len(prompts) > 1:
                        await self._runner.record_progress()
            except Exception as error:
                failure = failure or error
                raise

        lanes = [asyncio.create_task(lane()) for _ in range(min(PARTS_AT_ONCE, len(prompts)))]
        try:
            if lanes:
                await asyncio.wait(lanes, return_when=asyncio.FIRST_EXCEPTION)
            if isinstance(failure, ModelError) and failure.retryable:
                await asyncio.wait(lanes)
        finally:
            await cancel_and_wait(*lanes)
        if failure is not None:
            raise failure
        return {part: answers[part] for part in prompts}

    async def _answer(self, part: str, prompt: Prompt[AnswerT], advance: Callable[[float], None]) -> AnswerT:
        runner = self._runner
        key = f"{self._name}: {part}" if part else self._name
        if key in runner.checkpoints:
            try:
                return prompt.schema.model_validate(runner.checkpoints[key])
            except ValidationError:
                pass  # an older version asked for something else
        answer = await self._fitting_answer(part, prompt, advance)
        output = answer.model_dump(mode="json", by_alias=True, exclude_none=True)
        await runner.store.checkpoints.save(runner.task.task_id, key, output)
        runner.checkpoints[key] = output
        return answer

    async def _fitting_answer(
        self, part: str, prompt: Prompt[AnswerT], advance: Callable[[float], None]
    ) -> AnswerT:
        """An answer that fits the prompt. One that does not is sent back with its faults, once."""
        runner = self._runner
        faults: Sequence[str] = ()
        for _ in range(2):
            text = await self._write(part, prompt, advance)
            try:
                answer = prompt.parse(text)
            except InvalidAnswerError as unfit:
                faults = unfit.faults
                prompt = prompt.again(text, faults)
            else:
                await runner.lengths.record(runner.task.type, self._name, prompt, len(text))
                return answer
        raise ModelError(
            f"The model's answer was invalid twice ({'; '.join(faults)}). Retry, or change the input",
            EndReason.BAD_OUTPUT,
            retryable=False,
        )

    async def _write(self, part: str, prompt: Prompt[Any], advance: Callable[[float], None]) -> str:
        """Return the text of one answer, and report its draft and progress while the model writes it."""
        runner = self._runner
        draft = runner.journal.drafts.begin(self._name, part or None)
        expected = await runner.lengths.expected(runner.task.type, self._name, prompt)
        text = []
        try:
            with tracing.span(f"write {prompt.schema.__name__}", kind=SpanKind.CLIENT):
                async with aclosing(runner.provider.write(prompt)) as pieces:
                    async for piece in pieces:
                        text.append(piece.text)
                        draft.add(piece)
                        advance(_share(draft.length, expected))
        finally:
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
