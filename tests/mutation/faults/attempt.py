"""Faults in the life of an attempt: what is written of it, published, and asked of the model."""

from tests.mutation.fault import Fault

JOURNAL, STEPS, RUN = "worker/engine/journal.py", "worker/engine/steps.py", "worker/engine/attempt.py"
LIFE = "tests/integration/worker/engine/test_attempt.py"
GENERATORS = "tests/unit/worker/tasks/test_generators.py tests/integration/worker/engine/test_attempt.py"

FAULTS = [
    Fault(
        JOURNAL,
        "return max(math.floor(self._progress), self.task.progress)",
        "return math.floor(self._progress)",
        LIFE,
    ),
    Fault(
        JOURNAL,
        "stored = await self._store.record(self._stored, self.task.attempt, **self._so_far(), **changes)",
        "stored = await self._store.record(self._stored, None, **self._so_far(), **changes)",
        LIFE,
    ),
    Fault(JOURNAL, "                if_attempt=self.task.attempt,\n", "", LIFE),
    Fault(
        JOURNAL,
        "            await self._tell_drafts()  # before the event that their step is done\n",
        "",
        LIFE,
    ),
    Fault(JOURNAL, '"tick": self.task.tick + 1', '"tick": self.task.tick', LIFE),
    Fault(
        JOURNAL,
        "return functools.reduce(lambda sum_, call: call.plus(sum_), spent, self._spent_before)",
        "return functools.reduce(lambda sum_, call: call.plus(sum_), spent, None)",
        LIFE,
    ),
    Fault(JOURNAL, "self._progress = min(percent, 99.0)", "self._progress = percent", LIFE),
    Fault(
        JOURNAL,
        "            draft.untold = draft.untold[len(text) :]\n",
        '            draft.untold = ""\n',
        LIFE,
    ),
    Fault(JOURNAL, "            draft.told += len(text)\n", "            draft.told += 1\n", LIFE),
    Fault(STEPS, "        if key in runner.checkpoints:\n", "        if False:\n", LIFE),
    Fault(
        STEPS,
        "        await runner.store.checkpoints.save(runner.task.task_id, key, output)\n",
        "",
        LIFE,
    ),
    Fault(STEPS, "        for _ in range(2):\n", "        for _ in range(3):\n", LIFE),
    Fault(STEPS, "while failure is None and (question", "while (question", LIFE),
    Fault(
        STEPS,
        "            if isinstance(failure, ProviderError) and failure.retryable:\n",
        "            if False:\n",
        LIFE,
    ),
    Fault(STEPS, "                prompt = prompt.again(text, faults)\n", "", LIFE),
    Fault(STEPS, "            _count(draft.usage)\n", "            pass\n", LIFE),
    Fault(
        STEPS,
        'done = self.task.steps[index].status == "completed"  # by an earlier attempt',
        "done = False",
        LIFE,
    ),
    Fault(
        RUN,
        "task is None or task.status in ENDED or job",
        "task is None or job",
        LIFE,
        survives_because="the claim is refused by the table of transitions; this saves the write",
    ),
    Fault(
        RUN,
        "        if lost > MAX_LOSSES:\n",
        "        if lost > MAX_LOSSES + 1:\n",
        "tests/chaos/test_deaths.py",
    ),
    Fault(RUN, "        if not completed:\n            raise LeaseLostError\n", "", LIFE),
    Fault(
        RUN,
        "            last_error=None,\n        )\n        if claimed",
        "        )\n        if claimed",
        LIFE,
    ),
    Fault(RUN, "task.retry_count < task.max_retries", "task.retry_count <= task.max_retries", LIFE),
    Fault(RUN, "max(outcome.retry_after_s or 0, backoff_s(retry))", "backoff_s(retry)", LIFE),
    Fault(RUN, "        await self._parts.store.checkpoints.delete(self.task_id)\n", "", LIFE),
    Fault(
        RUN,
        "            for document in made.documents:\n",
        "            for document in made.documents[:1]:\n",
        LIFE,
    ),
    Fault(
        RUN,
        "                async with asyncio.timeout(self._parts.settings.task_timeout_s):\n",
        "                async with asyncio.timeout(None):\n",
        LIFE,
    ),
]
