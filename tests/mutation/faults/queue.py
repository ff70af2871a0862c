"""Faults in the queue: its order, its leases, and what waiting users see of it."""

from tests.mutation.fault import Fault

LUA = "shared/queue/"
QUEUE, LEASES, WAITING = "shared/queue/queue.py", "shared/queue/leases.py", "server/admission.py"
ESTIMATES, SIMULATION = "shared/queue/estimates.py", "shared/queue/simulation.py"
JOBS, HEARTBEATS = "shared/queue/jobs.py", "shared/queue/heartbeats.py"
POSITIONS = "worker/maintenance/positions.py"
BY_LEASES = "tests/integration/shared/queue"
BY_LEADERSHIP = "tests/integration/shared/redis/test_leadership.py"
BY_WAITING = "tests/integration/server/test_admission.py"
BY_CLOCKS = "tests/integration/shared/queue/test_queue.py -k even_if_clocks_differ"
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

REBUILT = "the next pick finds the index incomplete and rebuilds it, which only takes longer"
SAVES_COUNTING = "two counts in MongoDB give the same answer"
SEARCHED = "the search only begins further back"

FAULTS = [
    # The index of the queue.
    Fault(LUA + "queue.lua", "  redis.call('HDEL', STARTED, id)\n", "", BY_LEASES),
    Fault(LUA + "queue.lua", "    redis.call('ZREM', turns_of(type), line)\n", "", BY_LEASES),
    Fault(LUA + "queue.lua", "  redis.call('ZADD', LINES, 0, entry_of(line, id, place))\n", "", BY_LEASES),
    Fault(LUA + "queue.lua", "      if not seen[line] then\n", "      if true then\n", BY_LEASES),
    Fault(LUA + "queue.lua", "local AT_ONCE = 1000", "local AT_ONCE = 10000", BY_LEASES),
    Fault(LUA + "queue.lua", "type .. '\\n' .. (user_of(id) or '')", "user_of(id) or ''", BY_LEASES),
    Fault(
        LUA + "queue.lua",
        "        redis.call('DEL', turns_of(type))\n",
        "",
        BY_LEASES,
        survives_because="turns that are left over are removed or updated when a pick meets them",
    ),
    Fault(
        LUA + "queue.lua",
        "    leave(id, place)\n    redis.call('ZADD', QUEUE, place + FAR, id)\n",
        "",
        BY_LEASES,
    ),
    Fault(
        LUA + "queue.lua",
        "string.format('%016.0f', math.max(0, place))",
        "string.format('%016.0f', place)",
        BY_LEASES,
        survives_because="no task was queued before 1970, so it only matters for invalid entries",
    ),
    # Enqueue.
    Fault(
        LUA + "enqueue.lua",
        "if redis.call('ZSCORE', LEASES, id) then\n  return 0\nend\n",
        "",
        BY_LEASES,
    ),
    Fault(
        LUA + "enqueue.lua",
        "if before and redis.call('EXISTS', KEYS[9]) == 1 then",
        "if before then",
        BY_LEASES,
    ),
    Fault(
        LUA + "enqueue.lua",
        "  leave(id, tonumber(before))\n",
        "",
        BY_LEASES,
        survives_because=REBUILT,
    ),
    Fault(LUA + "enqueue.lua", ", 'PX', ARGV[4])", ")", BY_LEASES),
    Fault(LUA + "enqueue.lua", "redis.call('PUBLISH', ARGV[7], '')\n", "", BY_LEASES),
    Fault(
        LUA + "enqueue.lua",
        "redis.call('ZADD', LATER, now + due_in, id)",
        "redis.call('ZADD', LATER, due_in, id)",
        BY_CLOCKS,
    ),
    # Pick.
    Fault(
        LUA + "pick.lua",
        "if score and not redis.call('ZSCORE', LEASES, id) then",
        "if score then",
        BY_LEASES,
    ),
    Fault(LUA + "pick.lua", "  redis.call('HSET', STARTED, id, now)\n", "", BY_LEASES),
    Fault(LUA + "pick.lua", "      forget(id)\n", "", BY_LEASES),
    Fault(LUA + "pick.lua", "  elseif most > 0 then\n", "  else\n", BY_LEASES),
    Fault(LUA + "pick.lua", "  elseif not is_ours(type) then", "  elseif false then", BY_LEASES),
    Fault(LUA + "pick.lua", "    redis.call('ZREM', LEASES, id)\n", "", BY_LEASES),
    Fault(LUA + "pick.lua", "(of_user[user] or 0) >= limit", "(of_user[user] or 0) > limit", BY_LEASES),
    Fault(
        LUA + "pick.lua",
        "(of_this[user] or 0) >= type.per_user",
        "(of_user[user] or 0) >= type.per_user",
        BY_LEASES,
    ),
    Fault(
        LUA + "pick.lua",
        "(of_type[type.name] or 0) >= type.most",
        "(of_type[type.name] or 0) > type.most",
        BY_LEASES,
    ),
    Fault(LUA + "pick.lua", "        count(type.name, user)\n", "", BY_LEASES),
    Fault(LUA + "pick.lua", "or type.place < first.place)", "or false)", BY_LEASES),
    Fault(LUA + "pick.lua", "  taken[#taken + 1] = 1 - is_new\n", "  taken[#taken + 1] = 1\n", BY_LEASES),
    Fault(LUA + "pick.lua", "    if removed then", "    if false then", BY_LEASES),
    Fault(LUA + "pick.lua", "    elseif knows_all then", "    elseif false then", BY_LEASES),
    Fault(
        LUA + "pick.lua",
        "if not index_is_complete() then\n  rebuild_index()\nend\n",
        "",
        BY_LEASES,
    ),
    # Renew, release, move, withdraw.
    Fault(LUA + "renew.lua", "  if owner and owner ~= ARGV[1] then\n", "  if false then\n", BY_LEASES),
    Fault(LUA + "renew.lua", "    hide(id)\n", "", BY_LEASES),
    Fault(LUA + "renew.lua", "        redis.call('HSET', TYPES, id, type)\n", "", BY_LEASES),
    Fault(LUA + "renew.lua", "      redis.call('HSET', OWNERS, id, ARGV[1])\n", "", BY_LEASES),
    Fault(
        LUA + "release.lua",
        "if redis.call('HGET', OWNERS, id) ~= ARGV[1] then\n  return 0\nend\n",
        "",
        BY_LEASES,
    ),
    Fault(
        LUA + "release.lua",
        "  if due_in > 0 then\n",
        "  if false then\n",
        BY_LEASES,
    ),
    Fault(LUA + "release.lua", "  forget(id)\n", "", BY_LEASES),
    Fault(LUA + "release.lua", "hide(id)\n", "", BY_LEASES),
    Fault(LUA + "release.lua", "  redis.call('PUBLISH', ARGV[4], '')\n", "", BY_LEASES),
    Fault(LUA + "move.lua", "leave(id, place)\n", "", BY_LEASES),
    Fault(LUA + "withdraw.lua", "redis.call('ZREM', LATER, id)\n", "", BY_LEASES),
    Fault(LUA + "withdraw.lua", "redis.call('DEL', KEYS[9])\n", "", BY_LEASES),
    Fault(LUA + "withdraw.lua", "redis.call('PUBLISH', ARGV[2], ARGV[3])\n", "", BY_LEASES),
    Fault(LUA + "withdraw.lua", "if not redis.call('ZSCORE', LEASES, id) then", "if true then", BY_LEASES),
    Fault(LUA + "reindex.lua", "    forget(id)\n", "", BY_LEASES),
    Fault(LUA + "reindex.lua", " and not redis.call('ZSCORE', LEASES, id) then", " then", BY_LEASES),
    Fault(LUA + "reindex.lua", " and redis.call('ZSCORE', turns_of(type), line))", ")", BY_LEASES),
    # Reservations and leads.
    Fault(
        LUA + "reserve.lua",
        "redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)\n",
        "",
        BY_LEASES + " -k reservation",
    ),
    Fault(
        LUA + "reserve.lua", "redis.call('PEXPIRE', KEYS[1], ARGV[2])\n", "", BY_LEASES + " -k reservation"
    ),
    Fault(
        "shared/redis/lead.lua",
        "if leader and leader ~= ARGV[1] then\n  return 0\nend\n",
        "",
        BY_LEADERSHIP,
    ),
    Fault("shared/redis/lead.lua", ", 'PX', ARGV[2])", ")", BY_LEADERSHIP),
    Fault("shared/redis/lead.lua", "  redis.call('DEL', KEYS[1])\n", "", BY_LEADERSHIP),
    # The Python around them.
    Fault(
        QUEUE,
        "bool(lease or (place and body))",
        "bool(place and body)",
        BY_LEASES,
    ),
    Fault(QUEUE, "jobs[start : start + REINDEX_AT_ONCE]", "jobs[:REINDEX_AT_ONCE]", BY_LEASES),
    Fault(JOBS, "(task.next_retry_at - task.updated_at)", "(task.next_retry_at - now())", BY_CLOCKS),
    Fault(JOBS, "(now() - task.queued_at + head_start)", "(now() - task.queued_at - head_start)", BY_LEASES),
    Fault(
        JOBS,
        "    Priority.HIGH: timedelta(minutes=20),\n",
        "    Priority.HIGH: timedelta(minutes=30),\n",
        BY_LEASES,
    ),
    Fault(LEASES, "                await self._drop(job)\n", "                pass\n", BY_LEASES),
    Fault(LEASES, "int(float(place)), bool(lost))", "int(float(place)))", BY_LEASES),
    Fault(LEASES, "if held.renewed_until <= at", "if False", BY_LEASES),
    Fault(LEASES, "(QUEUE_NAME, LEASES, LATER)]", "(QUEUE_NAME, LATER)]", BY_LEASES),
    Fault(LEASES, "            self._held.pop(job_id, None)\n", "", BY_LEASES),
    Fault(
        LEASES,
        "            await asyncio.shield(asyncio.wrap_future(renewing))\n",
        "            pass\n",
        BY_LEASES,
    ),
    Fault(HEARTBEATS, "< int(seconds) - GONE_AFTER_S", "< int(seconds) + GONE_AFTER_S", BY_LEASES),
    Fault(HEARTBEATS, 'sum(int(report["slots"])', 'sum(int(report["running"])', BY_LEASES),
    Fault(HEARTBEATS, "        return bool(is_new)\n", "        return True\n", BY_LEASES),
    Fault(
        "shared/queue/groups.py",
        "        groups = [group for group in groups if group not in touched]\n",
        "",
        "tests/unit/shared/queue/test_groups.py",
    ),
    Fault(
        "worker/engine/lease_keeper.py",
        '            except Exception:\n                log.exception("renewing the leases failed")\n',
        "            except ZeroDivisionError:\n                pass\n",
        "tests/integration/worker/engine/test_lease_keeper.py -k failure",
    ),
    Fault(
        "worker/engine/watchdog.py",
        "            while not answered.wait(CHECK_EVERY_S):\n",
        "            while False:\n",
        "tests/unit/worker/engine/test_watchdog.py",
    ),
    Fault(
        "shared/redis/pool.py",
        "    pool.namespace = settings.namespace\n",
        "",
        "tests/integration/shared/redis/test_namespace.py",
    ),
    Fault(
        POSITIONS,
        "    if start is None or published is None:\n        return start is not published\n",
        "    if start is None or published is None:\n        return False\n",
        "tests/integration/worker/maintenance/test_positions.py",
    ),
    Fault(
        POSITIONS,
        "                starts[job] = start  #",
        "                pass  #",
        "tests/integration/worker/maintenance/test_positions.py",
    ),
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
