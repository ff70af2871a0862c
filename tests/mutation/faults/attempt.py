"""Faults in the life of an attempt: its steps, what is stored and published, and the leader's duties."""

from tests.mutation.fault import Fault

JOURNAL, DRAFTS = "worker/engine/journal.py", "worker/engine/drafts.py"
STEPS, ATTEMPT = "worker/engine/steps.py", "worker/engine/attempt.py"
LIFE = " ".join(
    f"tests/integration/worker/engine/test_{name}.py"
    for name in ("attempt", "retries", "journal", "drafts", "steps")
)

ANSWER_LENGTHS, LEADER = "worker/engine/answer_lengths.py", "worker/maintenance/leader.py"
LENGTHS = " ".join(
    f"tests/integration/worker/engine/{name}"
    for name in ("test_answer_lengths.py", "test_steps.py -k length")
)
MAINTENANCE = "tests/integration/worker/maintenance/test_leader.py"

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
        "            await self.drafts.publish()  # before the event that completes their step\n",
        "",
        LIFE,
    ),
    Fault(JOURNAL, '"tick": self.task.tick + 1', '"tick": self.task.tick', LIFE),
    Fault(
        JOURNAL,
        "return functools.reduce(lambda total, call: call.plus(total), calls, self._usage_before)",
        "return functools.reduce(lambda total, call: call.plus(total), calls, None)",
        LIFE,
    ),
    Fault(JOURNAL, "self._progress = min(percent, 99.0)", "self._progress = percent", LIFE),
    Fault(
        DRAFTS,
        "            draft.unpublished = draft.unpublished[len(text) :]\n",
        '            draft.unpublished = ""\n',
        LIFE,
    ),
    Fault(DRAFTS, "            draft.published += len(text)\n", "            draft.published += 1\n", LIFE),
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
        "            if isinstance(failure, ModelError) and failure.retryable:\n",
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
        ATTEMPT,
        "task is None or task.status in ENDED or job",
        "task is None or job",
        LIFE,
        survives_because="the table of transitions refuses the claim; this only saves the write",
    ),
    Fault(
        ATTEMPT,
        "    if lost > MAX_LOSSES:",
        "    if lost > MAX_LOSSES + 1:",
        LIFE,
    ),
    Fault(ATTEMPT, "        if not completed:\n            raise LeaseLostError\n", "", LIFE),
    Fault(
        ATTEMPT,
        "        last_error=None,\n    )\n    if claimed",
        "    )\n    if claimed",
        LIFE,
    ),
    Fault(ATTEMPT, "task.retry_count < task.max_retries", "task.retry_count <= task.max_retries", LIFE),
    Fault(ATTEMPT, "max(outcome.retry_after_s or 0, backoff_s(retry))", "backoff_s(retry)", LIFE),
    Fault(ATTEMPT, "        await self._dependencies.store.checkpoints.delete(self.task_id)\n", "", LIFE),
    Fault(
        ATTEMPT,
        "                for document in result.documents:\n",
        "                for document in result.documents[:1]:\n",
        LIFE,
    ),
    Fault(
        ATTEMPT,
        "                async with asyncio.timeout(self._dependencies.settings.task_timeout_s):\n",
        "                async with asyncio.timeout(None):\n",
        LIFE,
    ),
    # The expected length of an answer.
    Fault(
        STEPS,
        "                await runner.lengths.record(runner.task.type, self._name, prompt, len(text))\n",
        "",
        LENGTHS,
    ),
    Fault(
        ANSWER_LENGTHS,
        "        if prompt.draft is None:\n            try:\n                await self._values.add",
        "        if True:\n            try:\n                await self._values.add",
        LENGTHS,
    ),
    Fault(ANSWER_LENGTHS, "{kind_of(step)}", "{step}", LENGTHS),
    # The leader's duties.
    Fault(LEADER, "            if await self._leads():\n", "            if True:\n", MAINTENANCE),
    Fault(LEADER, "        self._on_following()\n", "", MAINTENANCE),
    Fault(LEADER, "        return [renewal, *(", "        return [*(", MAINTENANCE),
    Fault(
        "worker/maintenance/positions.py",
        "            self._published[job] = start\n",
        "            pass\n",
        "tests/integration/worker/maintenance/test_positions.py",
    ),
]
