"""The context of a step, and a run of the step's function with it."""

import asyncio
import logging
from collections import Counter
from contextlib import AbstractAsyncContextManager
from contextvars import ContextVar
from copy import copy
from functools import partial
from inspect import isawaitable
from typing import Any, NoReturn

from pydantic import JsonValue

from herald.shared.task_api.codec import Codec
from herald.shared.task_api.context import Context, DraftWriter, TaskInfo
from herald.shared.task_api.errors import Fail, MisuseError, ModelError, Retry
from herald.shared.task_api.prompt import AnswerT, Prompt
from herald.worker.engine.checkpoints import escaped
from herald.worker.engine.digests import digest_of_prompt
from herald.worker.engine.drafting import drafting
from herald.worker.engine.functions import Call, is_async
from herald.worker.engine.run import Run
from herald.worker.engine.steps import RunningCall

log = logging.getLogger(__name__)


def fraction_of_one(fraction: float) -> float:
    """A fraction from 0 to 1; 0 for NaN."""
    return min(max(0.0, fraction), 1.0)


class StepTimeoutError(TimeoutError):
    """A step took longer than its ``timeout``."""


class StepContext(Context[Any]):
    """The context of a step; `begin` returns that of one run of it.

    Args:
        run: the attempt's run.
        name: the step's name.
        key: the key of its checkpoint.
        call: shows the call of the step that this run belongs to.
        item: the index of its item in that call.
        part: tells its drafts apart from those of other runs with the same name.
    """

    def __init__(
        self, run: Run, name: str, key: str, call: RunningCall, *, item: int, part: str | None
    ) -> None:
        self.name = name
        self.key = key
        self.run = run
        self._call = call
        self._item = item
        self._part = part
        self._asked: Counter[str] = Counter()
        self._shares: dict[str, float] = {}
        self._is_over = False

    def begin(self) -> "StepContext":
        """Begin a run of the step's function; questions are counted from 1 again."""
        self.run.ran[self.name] += 1
        began = copy(self)
        began._asked, began._shares = Counter(), {}
        return began

    def end(self) -> None:
        """Record that this run took too long; its thread, if it has one, may go on for a while."""
        self._is_over = True

    @property
    def task(self) -> TaskInfo:
        """See `Context`."""
        return self.run.info

    @property
    def attempt(self) -> int:
        """See `Context`."""
        return self.run.attempt

    @property
    def state(self) -> Any:
        """See `Context`."""
        return self.run.state

    @property
    def cancelled(self) -> bool:
        """See `Context`."""
        return self._is_over or self.run.is_over

    @property
    def idempotency_key(self) -> str:
        """See `Context`."""
        return f"{self.run.info.id}:{self.key}"

    async def step(self, name: str, *_: Any, **__: Any) -> NoReturn:  # type: ignore[override]
        """Not possible here.

        Raises:
            MisuseError: always.
        """
        self._refuse("step", name)

    async def map(self, name: str, *_: Any, **__: Any) -> NoReturn:  # type: ignore[override]
        """Not possible here.

        Raises:
            MisuseError: always.
        """
        self._refuse("map", name)

    def _refuse(self, method: str, name: str) -> NoReturn:
        raise MisuseError(
            f"ctx.{method}({name!r}) was called inside the step {self.name!r}; call it in the task's function"
        )

    def progress(self, fraction: float, message: str | None = None) -> None:
        """See `Context`."""
        self._check()
        done = fraction_of_one(fraction)
        self.run.on_loop(lambda: self._call.advance(self._item, done, message))

    def emit(self, name: str, data: JsonValue) -> None:
        """See `Context`."""
        self._check()
        self.run.journal.emitted.add(name, data)
        self.run.on_loop(self.run.journal.wake)

    def _check(self) -> None:
        if self._is_over:
            raise asyncio.CancelledError
        self.run.check()

    def draft(self, part: str | None = None) -> AbstractAsyncContextManager[DraftWriter]:
        """See `Context`."""
        return drafting(self.run, self.name, part or self._part)

    async def ask_model(self, prompt: Prompt[AnswerT], /, *, part: str | None = None) -> AnswerT:
        """See `Context`. The answer is a checkpoint beneath the step."""
        self.run.check_awaited("ask_model")
        question = f"{self.key}/{escaped(part or digest_of_prompt(prompt))}"
        self._asked[question] += 1
        key, codec = f"{question}:{self._asked[question]}", Codec(f"step {self.name!r}", prompt.schema)
        checkpoints = self.run.checkpoints
        answer = (await checkpoints.find([key], codec)).get(key)
        if answer is None:
            answer = await self.ask_directly(prompt, part, key)
            answer = await checkpoints.add(key, codec.encode(answer), codec)
        self._advance(key, 1)
        return answer  # type: ignore[return-value]

    async def ask_directly(self, prompt: Prompt[AnswerT], part: str | None, key: str = "") -> AnswerT:
        """The model's answer, without a checkpoint of its own."""
        return await self.run.model.ask(
            prompt, step=self.name, part=part or self._part, advance=partial(self._advance, key)
        )

    def _advance(self, question: str, share: float) -> None:
        """Show how much of the step is done, if these are all the questions that it asks."""
        self._shares[question] = share
        self._call.advance(self._item, sum(self._shares.values()) / len(self._shares))


current_step: ContextVar[StepContext | None] = ContextVar("current_step", default=None)
"""The step that runs; None in a task's function."""


async def run_step(
    context: StepContext,
    call: Call,
    codec: Codec,
    *,
    retries: int,
    timeout: float | None,  # noqa: ASYNC109
) -> Any:
    """Run a step's function and store its result; returns the result, decoded from what was stored.

    Args:
        context: the step's context.
        call: the function and its arguments.
        codec: encodes and decodes the result.
        retries: how often a failing run is repeated.
        timeout: how long one run may take, in seconds.

    Raises:
        Fail: the function raised it, in this attempt or in an earlier one.
        StepTimeoutError: a run took too long.
        Exception: the function raised it, in the last run.
    """
    checkpoints = context.run.checkpoints
    await checkpoints.raise_failure(context.key)
    try:
        value = await _result(context, call, retries, timeout)
    except Fail as failure:
        await checkpoints.add_failure(context.key, failure)
        if type(failure) is not Fail:  # later attempts know no more than this
            raise Fail(failure.message, reason=failure.reason) from failure
        raise
    return await checkpoints.add(context.key, codec.encode(value), codec)


async def _result(context: StepContext, call: Call, retries: int, timeout: float | None) -> Any:  # noqa: ASYNC109
    """What the function returns; it is run again if it fails."""
    for left in range(retries, -1, -1):
        try:
            return await _called(context, call, timeout)
        except (Fail, Retry, MisuseError):
            raise
        except Exception as error:
            final = isinstance(error, ModelError) and not error.retryable
            if not left or final or context.run.is_over:
                raise
            log.warning("step %r failed and runs again", context.name, exc_info=error)
    raise AssertionError("unreachable")


async def _called(context: StepContext, call: Call, timeout: float | None) -> Any:  # noqa: ASYNC109
    """What the function returns, run once."""
    context = context.begin()
    bound = call.within(context)
    token = current_step.set(context)
    try:
        async with asyncio.timeout(timeout) as timer:
            value = bound.invoke() if is_async(call.fn) else await context.run.threads.run(bound.invoke)
            return await value if isawaitable(value) else value
    except TimeoutError:
        if timer.expired():
            context.end()
            raise StepTimeoutError(f"the step {context.name!r} took longer than {timeout:g} s") from None
        raise
    except SystemExit as error:  # it would end the worker
        raise RuntimeError(f"the step {context.name!r} called sys.exit()") from error
    finally:
        current_step.reset(token)
