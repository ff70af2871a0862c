"""Faults in the life of an attempt: its steps, what is stored and published, and the leader's duties."""

from tests.mutation.fault import Fault

JOURNAL, DRAFTS = "worker/engine/journal.py", "worker/engine/drafts.py"
MODEL_CALLS, ATTEMPT = "worker/engine/model_calls.py", "worker/engine/attempt.py"
CLAIMS = "worker/engine/claims.py"
STEP, SUPERVISION = "worker/engine/step_context.py", "worker/engine/supervision.py"
CHECKPOINTS, CONTEXT = "worker/engine/checkpoints.py", "worker/engine/context.py"
LIFE = " ".join(
    f"tests/integration/worker/engine/test_{name}.py"
    for name in ("attempt", "retries", "journal", "drafts", "model_calls")
)
CODE = " ".join(
    f"tests/integration/worker/engine/test_{name}.py"
    for name in ("steps", "step_failures", "map", "stopping")
)
CONTEXTS = "tests/integration/worker/engine/test_context.py tests/integration/worker/engine/test_asking.py"

ANSWER_LENGTHS, LEADER = "worker/engine/answer_lengths.py", "worker/maintenance/leader.py"
LENGTHS = " ".join(
    f"tests/integration/worker/engine/{name}"
    for name in ("test_answer_lengths.py", "test_model_calls.py -k length")
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
        "                self._stored,\n                self.task.attempt,\n",
        "                self._stored,\n                None,\n",
        LIFE,
    ),
    Fault(JOURNAL, "                if_attempt=self.task.attempt,\n", "", LIFE),
    Fault(
        JOURNAL,
        "            await self._publish_pieces()  # before the event that completes their step\n",
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
    Fault(CHECKPOINTS, "if key in self._known]", "if False]", CODE),
    Fault(
        CHECKPOINTS,
        "            return codec.decode(await self._add(key, output, instead_of=text))\n",
        "            return codec.decode(output)\n",
        LIFE,
        survives_because="it only saves the next attempt from running the step again",
    ),
    Fault(CHECKPOINTS, "            await self._check_ours()\n", "", CODE),
    Fault(
        CHECKPOINTS, '            self._unused.pop(key.partition(":")[0], None)\n', "            pass\n", CODE
    ),
    Fault(CHECKPOINTS, 'f":fail:{round(task.queued_at.timestamp() * 1000)}"', '":fail:"', CODE),
    Fault(CHECKPOINTS, "        self._known.add(key)\n", "", CONTEXTS),
    Fault(CONTEXT, "while not failures and (index", "while (index", CODE),
    Fault(CONTEXT, "        await asyncio.wait(lanes)\n", "        await lanes[0]\n", CODE),
    Fault(CONTEXT, "range(min(limit, len(indexes)))", "range(len(indexes))", CODE),
    Fault(STEP, "        await checkpoints.add_failure(context.key, failure)\n", "", CODE),
    Fault(STEP, "        except (Fail, Retry, MisuseError):\n            raise\n", "", CODE),
    Fault(STEP, "    token = current_step.set(context)\n", "    token = current_step.set(None)\n", CONTEXTS),
    Fault(SUPERVISION, "        interruption.close()\n", "", CODE),
    Fault(SUPERVISION, "    if interruption.is_set:\n", "    if False:\n", CODE),
    Fault(MODEL_CALLS, "        for _ in range(2):\n", "        for _ in range(3):\n", LIFE),
    Fault(MODEL_CALLS, "                prompt = prompt.again(text, faults)\n", "", LIFE),
    Fault(MODEL_CALLS, "            _count(draft.usage)\n", "            pass\n", LIFE),
    Fault(
        CLAIMS,
        "task is None or task.status in ENDED or job",
        "task is None or job",
        LIFE,
        survives_because="the table of transitions refuses the claim; this only saves the write",
    ),
    Fault(
        CLAIMS,
        "    if lost > MAX_LOSSES:",
        "    if lost > MAX_LOSSES + 1:",
        LIFE,
    ),
    Fault(ATTEMPT, "        if not completed:\n            raise LeaseLostError\n", "", LIFE),
    Fault(
        CLAIMS,
        "        last_error=None,\n        steps=",
        "        steps=",
        LIFE,
    ),
    Fault(ATTEMPT, "task.retry_count < task.max_retries", "task.retry_count <= task.max_retries", LIFE),
    Fault(
        "worker/engine/retry_policy.py",
        "max(self.no_sooner_s, backoff.delay_s(retry))",
        "backoff.delay_s(retry)",
        LIFE,
    ),
    Fault(
        ATTEMPT,
        "            await self._dependencies.store.checkpoints.delete(self.task_id)\n",
        "            pass\n",
        LIFE,
    ),
    Fault(
        SUPERVISION,
        "    timer = loop.call_later(timeout_s,",
        "    timer = loop.call_later(3600,",
        LIFE,
    ),
    # The expected length of an answer.
    Fault(
        MODEL_CALLS,
        "                await self._lengths.record(self._type, step, prompt, len(text))\n",
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
