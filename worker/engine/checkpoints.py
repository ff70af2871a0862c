"""The checkpoints of one attempt: their keys, and which of them earlier attempts have stored."""

import json
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from heapq import heappop, heappush

from herald.shared.task_api.codec import Codec, UnreadableOutputError
from herald.shared.task_api.errors import Fail, MisuseError
from herald.shared.tasks.models import Task
from herald.shared.tasks.store import Store
from herald.worker.engine.digests import digest
from herald.worker.engine.interruption import Interruption

log = logging.getLogger(__name__)

MAX_BYTES = 1024 * 1024
MAX_CHECKPOINTS = 10_000
MAX_KEY_LENGTH = 200
"""A longer key is replaced by its digest."""
PAGE = 100
NOT_USED = "checkpoint not used: arguments changed"


def escaped(text: str) -> str:
    """``text`` without the characters that separate the parts of a key."""
    if len(text) > MAX_KEY_LENGTH:
        return digest(text)
    return text.replace("%", "%25").replace(":", "%3A").replace("/", "%2F")


class AttemptCheckpoints:
    """Stores the outputs of steps, and finds those of earlier attempts.

    The key of a step's checkpoint is ``name:identity:n``: the n-th call in this attempt of the step with that
    name and that identity, which is the digest of its arguments or the key that the code gives. What is
    stored beneath a step has the step's key, ``/`` and a key of its own.

    Args:
        store: where they are stored.
        task: the attempt's task.
        check_ours: called before each write; raises if the task is no longer ours.
        interruption: stops the run if the task is no longer ours, or MongoDB cannot be reached.
    """

    def __init__(
        self,
        store: Store,
        task: Task,
        check_ours: Callable[[], Awaitable[None]],
        interruption: Interruption,
    ) -> None:
        self._store = store.checkpoints
        self._task = task
        self._check_ours = check_ours
        self._interruption = interruption
        self._calls: Counter[str] = Counter()
        self._released: dict[str, list[int]] = {}
        self._known: set[str] = set()
        self._unused: Counter[str] = Counter()
        self._count = 0
        self._fails = f":fail:{round(task.queued_at.timestamp() * 1000)}"

    async def load(self) -> None:
        """Read the keys of the checkpoints that earlier attempts have stored."""
        if self._task.attempt > 1:
            self._known = await self._store.keys(self._task.task_id)
            self._count = len(self._known)
            steps = (key for key in self._known if "/" not in key and ":fail:" not in key)
            self._unused = Counter(key.partition(":")[0] for key in steps)

    @property
    def exist(self) -> bool:
        """Whether there are any."""
        return self._count > 0

    def next_key(self, name: str, identity: str) -> str:
        """The key of the next call of the step ``name`` with this identity."""
        call = f"{escaped(name)}:{escaped(identity)}"
        if released := self._released.get(call):
            return f"{call}:{heappop(released)}"
        self._calls[call] += 1
        return f"{call}:{self._calls[call]}"

    def release(self, key: str) -> None:
        """Give a key to the next call, because its own has left no checkpoint: it failed, or never ran.

        So a call that succeeds after others have failed has the same key in the next attempt, which does not
        see those failures.
        """
        call, _, number = key.rpartition(":")
        heappush(self._released.setdefault(call, []), int(number))

    async def find(self, keys: Iterable[str], codec: Codec) -> dict[str, object]:
        """The decoded outputs under those of ``keys`` that earlier attempts have stored.

        An output that the code can no longer decode is left out.
        """
        known = [key for key in keys if key in self._known]
        found = {}
        for start in range(0, len(known), PAGE):
            texts = await self._read(known[start : start + PAGE])
            for key, text in texts.items():
                try:
                    found[key] = codec.decode(text)
                except UnreadableOutputError:
                    log.warning("the checkpoint %s has another type by now, so its step runs again", key)
        for key in known:
            self._unused.pop(key.partition(":")[0], None)
        return found

    async def add(self, key: str, output: str, codec: Codec) -> object:
        """Store an output; returns the decoded output, or that of another attempt that was first.

        Raises:
            MisuseError: the output is too large, or the task has too many checkpoints.
        """
        text = await self._add(key, output)
        try:
            return codec.decode(text)
        except UnreadableOutputError:  # stored by an earlier version of the code
            return codec.decode(await self._add(key, output, instead_of=text))

    async def raise_failure(self, key: str) -> None:
        """Raise the `Fail` that left the step in an earlier attempt, if one did since the task was queued."""
        stored_as = key + self._fails
        if stored_as in self._known:
            texts = await self._read([stored_as])
            if stored_as in texts:
                failure = json.loads(texts[stored_as])
                raise Fail(failure["message"], reason=failure["reason"])

    async def add_failure(self, key: str, failure: Fail) -> None:
        """Store a `Fail` that leaves a step, so that later attempts take the same way."""
        await self._add(key + self._fails, json.dumps({"message": failure.message, "reason": failure.reason}))

    def unused(self, name: str) -> str | None:
        """A note, once, if the step ``name`` has checkpoints and no call of it has used one."""
        if not self._unused.pop(escaped(name), None):
            return None
        log.warning("%s: step %r", NOT_USED, name)
        return f"{NOT_USED} (step {name!r})"

    async def _add(self, key: str, output: str, *, instead_of: str | None = None) -> str:
        name = key.partition(":")[0]
        if (size := len(output.encode())) > MAX_BYTES:
            raise MisuseError(
                f"step {name!r}: a result may take {MAX_BYTES} bytes of JSON; this is {size}. Store it "
                "elsewhere and return a reference"
            )
        if self._count >= MAX_CHECKPOINTS:
            raise MisuseError(f"step {name!r}: a task may have {MAX_CHECKPOINTS} checkpoints at most")
        self._count += 1
        self._known.add(key)
        with self._interruption.guarding():
            await self._check_ours()
            return await self._store.add(
                self._task.task_id, key, output, attempt=self._task.attempt, instead_of=instead_of
            )

    async def _read(self, keys: Sequence[str]) -> dict[str, str]:
        with self._interruption.guarding():
            return await self._store.read(self._task.task_id, keys)
