"""Faults in what waiting users see: room in the queue, positions and estimated starts."""

from tests.mutation.fault import Fault

WAITING, POSITIONS = "server/admission.py", "worker/maintenance/positions.py"
ESTIMATES, SIMULATION = "shared/queue/estimates.py", "shared/queue/simulation.py"
BY_WAITING = "tests/integration/server/test_admission.py"
BY_POSITIONS = "tests/integration/worker/maintenance/test_positions.py"
BY_ESTIMATES = "tests/unit/shared/queue/test_estimates.py"
BY_ROOM = " ".join(
    f"{BY_WAITING}::{name}"
    for name in (
        "test_too_many_queued_tasks_are_refused_but_a_repeated_request_is_not",
        "test_concurrent_requests_do_not_exceed_the_queue_limit",
        "test_a_task_that_is_stored_and_reserved_counts_once",
    )
)
BY_ESTIMATOR = "tests/integration/shared/queue/test_estimator.py"

SAVES_COUNTING = "two counts in MongoDB give the same answer"
SEARCHED = "the search only begins further back"

FAULTS = [
    # Tasks without a worker.
    Fault(
        POSITIONS,
        "    if start is None or published is None:\n        return start is not published\n",
        "    if start is None or published is None:\n        return False\n",
        BY_POSITIONS,
    ),
    Fault(
        POSITIONS,
        "                starts[job] = start  #",
        "                pass  #",
        BY_POSITIONS,
    ),
    Fault(
        WAITING,
        "    if not estimates.has_worker(task.type):\n",
        "    if False:\n",
        BY_WAITING + " -k without_a_worker",
    ),
    Fault(
        ESTIMATES, "                state.of_types(group.types),\n", "                state,\n", BY_ESTIMATES
    ),
    Fault(ESTIMATES, "if state.types.get(job) in offline]", "]", BY_ESTIMATES),
    # Room for a waiting task, and the estimates of when it starts.
    Fault(
        WAITING,
        "        if left < 0:\n            return False\n",
        "",
        BY_ROOM,
        survives_because=SAVES_COUNTING,
    ),
    Fault(WAITING, "left = self._limit - len(reserved)", "left = self._limit - 1", BY_ROOM),
    Fault(WAITING, "count_queued(user_id, besides=reserved)", "count_queued(user_id)", BY_ROOM),
    Fault(
        WAITING,
        "                await self._queue.unreserve(user_id, task_id)\n",
        "                pass\n",
        BY_ROOM,
    ),
    Fault(
        WAITING, "await self._store.queries.has_idempotency_key(user_id, idempotency_key)", "False", BY_ROOM
    ),
    Fault(
        WAITING,
        "            await self._queue.withdraw(task)\n",
        "            pass\n",
        BY_WAITING + " -k position",
    ),
    Fault(
        WAITING, "            await self._queue.move(task)\n", "            pass\n", BY_WAITING + " -k moved"
    ),
    Fault(
        ESTIMATES,
        "            if self._computing is None:\n",
        "            if True:\n",
        BY_ESTIMATOR,
    ),
    Fault(ESTIMATES, "            self._computing = None\n", "            pass\n", BY_ESTIMATOR),
    Fault(
        ESTIMATES,
        "OUTDATED_AFTER if self._outdated else REUSED_FOR",
        "REUSED_FOR",
        BY_ESTIMATOR,
    ),
    Fault(ESTIMATES, "age_s > self._took_s", "age_s > 0 * self._took_s", BY_ESTIMATOR),
    Fault(ESTIMATES, " + bisect.bisect_right(self._added_starts, start_s)", "", BY_ESTIMATES),
    Fault(
        ESTIMATES,
        "        start_s = max(ready_s, simulation.idle_s)\n",
        "        start_s = simulation.idle_s\n",
        BY_ESTIMATES,
    ),
    Fault(
        ESTIMATES,
        "simulation.places[index] <= place_s",
        "simulation.places[index] < place_s",
        BY_ESTIMATES,
        survives_because="two tasks that were queued in the same millisecond have no order",
    ),
    Fault(
        ESTIMATES,
        "bisect.bisect_right(self._highest_places, place_s, hi=end)",
        "0",
        BY_ESTIMATES,
        survives_because=SEARCHED,
    ),
    Fault(ESTIMATES, "if other_s < place_s]", "]", BY_ESTIMATES),
    Fault(ESTIMATES, "heapq.nlargest(self._limit, before)[-1]", "max(before)", BY_ESTIMATES),
    Fault(
        ESTIMATES,
        "        if index < end:\n            start_s = simulation.starts[index]\n",
        "",
        BY_ESTIMATES,
    ),
    Fault(
        ESTIMATES,
        "is_known = simulation.all_known or index < simulation.known or at_once",
        "is_known = True",
        BY_ESTIMATES,
    ),
    Fault(ESTIMATES, " or at_once\n", "\n", BY_ESTIMATES),
    Fault(SIMULATION, "max(1, slots) - len(state.running)", "max(1, slots)", BY_ESTIMATES),
    Fault(SIMULATION, "        self.known += self.all_known\n", "        self.known += 1\n", BY_ESTIMATES),
    Fault(SIMULATION, "self._guessed = self._guessed or not known", "pass", BY_ESTIMATES),
    Fault(SIMULATION, "        self._running[user] -= 1\n", "", BY_ESTIMATES),
    Fault(
        SIMULATION, "self._running[user] < self._limit", "self._running[user] <= self._limit", BY_ESTIMATES
    ),
    Fault(
        SIMULATION,
        "self._at_s, user = max(self._at_s, due_s), user_of(job)",
        "user = user_of(job)",
        BY_ESTIMATES,
    ),
    Fault(
        SIMULATION,
        "            self.idle_s = min(self.idle_s, self._at_s)\n",
        "            self.idle_s = self._at_s\n",
        BY_ESTIMATES,
    ),
    Fault(
        SIMULATION, "return statistics.fmean(earlier) / 2", "return statistics.fmean(earlier)", BY_ESTIMATES
    ),
    Fault(SIMULATION, "if took_s > elapsed_s]", "]", BY_ESTIMATES),
]
