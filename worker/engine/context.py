"""The context of a task's function, which runs its steps."""

import asyncio
import re
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, NamedTuple

from pydantic import JsonValue

from herald.shared.aio import cancel_and_wait
from herald.shared.task_api.codec import Codec
from herald.shared.task_api.context import Context, DraftWriter, TaskInfo
from herald.shared.task_api.errors import Fail, MisuseError
from herald.shared.task_api.prompt import AnswerT, Prompt
from herald.worker.engine.digests import digest_of_call, digest_of_prompt
from herald.worker.engine.drafting import drafting
from herald.worker.engine.functions import Call, result_type
from herald.worker.engine.run import Run
from herald.worker.engine.step_context import StepContext, current_step, fraction_of_one, run_step
from herald.worker.engine.text import storable

MAX_NAME = 200


class _Item(NamedTuple):
    """One call of a step's function."""

    key: str
    """The key of its checkpoint."""
    call: Call


class RunContext(Context[Any]):
    """The context of a task's function.

    Used within a step, it is the context of that step.
    """

    def __init__(self, run: Run) -> None:
        self._run = run

    @property
    def task(self) -> TaskInfo:
        """See `Context`."""
        return self._run.info

    @property
    def attempt(self) -> int:
        """See `Context`."""
        return self._run.attempt

    @property
    def state(self) -> Any:
        """See `Context`."""
        return self._run.state

    @property
    def cancelled(self) -> bool:
        """See `Context`."""
        return self._run.is_over

    @property
    def idempotency_key(self) -> str:
        """See `Context`."""
        step = current_step.get()
        return step.idempotency_key if step is not None else self._run.info.id

    async def step(  # type: ignore[override]
        self,
        name: str,
        fn: Callable[..., Any],
        /,
        *args: Any,
        key: str | None = None,
        returns: Any = None,
        retries: int = 0,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> Any:
        """See `Context`."""
        self._check_step("step", name)
        if retries < 0:
            raise MisuseError(f"step {name!r}: retries must be 0 or more; got {retries}")
        call = Call.of(fn, *args)
        item = _Item(self._key(name, call, key), call)
        codec = Codec(f"step {name!r}", returns if returns is not None else result_type(name, call.fn))
        [result] = await self._run_items(name, [item], codec, limit=1, retries=retries, timeout=timeout)
        return result

    async def map(  # type: ignore[override]
        self,
        name: str,
        fn: Callable[..., Any],
        items: Iterable[Any],
        /,
        *args: Any,
        limit: int = 4,
        key: Callable[[Any], str] | None = None,
    ) -> list[Any]:
        """See `Context`."""
        self._check_step("map", name)
        if limit < 1:
            raise MisuseError(f"step {name!r}: limit must be 1 or more; got {limit}")
        calls = [(item, Call.of(fn, item, *args)) for item in items]
        keyed = [_Item(self._key(name, call, key and key(item)), call) for item, call in calls]
        codec = Codec(f"step {name!r}", result_type(name, Call.of(fn).fn))
        return await self._run_items(name, keyed, codec, limit=limit, is_map=True)

    def progress(self, fraction: float, message: str | None = None) -> None:
        """See `Context`."""
        step = current_step.get()
        if step is not None:
            step.progress(fraction, message)
            return
        self._run.check()
        done = fraction_of_one(fraction)
        self._run.on_loop(lambda: self._run.steps.report(done, message))

    def emit(self, name: str, data: JsonValue) -> None:
        """See `Context`."""
        self._run.check()
        self._run.journal.emitted.add(name, data)
        self._run.on_loop(self._run.journal.wake)

    def draft(self, part: str | None = None) -> AbstractAsyncContextManager[DraftWriter]:
        """See `Context`."""
        step = current_step.get()
        return step.draft(part) if step is not None else drafting(self._run, part or "Draft", part)

    async def ask_model(self, prompt: Prompt[AnswerT], /, *, part: str | None = None) -> AnswerT:
        """See `Context`."""
        step = current_step.get()
        if step is not None:
            return await step.ask_model(prompt, part=part)
        name = part or _words(prompt.schema.__name__)
        self._check_step("ask_model", name)

        async def ask(context: StepContext) -> AnswerT:
            return await context.ask_directly(prompt, part)

        key = self._run.checkpoints.next_key(name, part or digest_of_prompt(prompt))
        item = _Item(key, Call.of(ask, self))
        [answer] = await self._run_items(name, [item], Codec(f"step {name!r}", prompt.schema), limit=1)
        return answer  # type: ignore[no-any-return]

    def _check_step(self, method: str, name: str) -> None:
        self._run.check_awaited(method)
        step = current_step.get()
        if step is not None:
            raise MisuseError(
                f"ctx.{method}({name!r}) was called inside the step {step.name!r}; call it in the task's "
                "function"
            )
        if not 0 < len(name) <= MAX_NAME or name != storable(name):
            raise MisuseError(f"the name of a step needs 1 to {MAX_NAME} characters of UTF-8; got {name!r}")

    def _key(self, name: str, call: Call, key: str | None) -> str:
        identity = key if key is not None else digest_of_call(name, call, count_source=self._run.count_source)
        return self._run.checkpoints.next_key(name, identity)

    async def _run_items(
        self,
        name: str,
        items: Sequence[_Item],
        codec: Codec,
        *,
        limit: int,
        is_map: bool = False,
        retries: int = 0,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> list[Any]:
        """The results of the items in order; those that no earlier attempt has done are run."""
        run = self._run
        results = await run.checkpoints.find((item.key for item in items), codec)
        missing = [index for index, item in enumerate(items) if item.key not in results]
        if not missing:
            await run.steps.skip(name, items=len(items))
            return [results[item.key] for item in items]
        failed: set[str] = set()
        async with run.steps.call(name, items=len(items), done=len(results), limit=limit) as showing:

            async def run_one(index: int) -> None:
                key, call = items[index]
                part = str(index + 1) if is_map else str(showing.number) if showing.number > 1 else None
                context = StepContext(run, name, key, showing, item=index, part=part)
                try:
                    results[key] = await run_step(context, call, codec, retries=retries, timeout=timeout)
                except Fail:  # it is a checkpoint
                    failed.add(key)
                    raise
                showing.item_done(index)

            try:
                await _each(run_one, missing, limit)
            finally:
                for index in missing:
                    if items[index].key not in {*results, *failed}:
                        run.checkpoints.release(items[index].key)
                showing.note = run.checkpoints.unused(name)
        return [results[item.key] for item in items]


async def _each(
    run_one: Callable[[int], Coroutine[Any, Any, None]], indexes: Sequence[int], limit: int
) -> None:
    """Run ``run_one(index)`` for each index, at most ``limit`` at once.

    After the first exception no further one begins; the running ones end, and then it is raised.
    """
    if len(indexes) == 1:
        return await run_one(indexes[0])
    waiting = iter(indexes)
    failures: list[BaseException] = []

    async def lane() -> None:
        while not failures and (index := next(waiting, None)) is not None:
            try:
                await run_one(index)
            except BaseException as error:
                failures.append(error)
                raise

    lanes = [asyncio.create_task(lane()) for _ in range(min(limit, len(indexes)))]
    try:
        await asyncio.wait(lanes)
    finally:
        await cancel_and_wait(*lanes)
    if failures:
        raise failures[0]
    return None


def _words(name: str) -> str:
    """``KeywordGroups`` as "Keyword groups"."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|_", " ", name).lower().strip()
    return words[:1].upper() + words[1:]
