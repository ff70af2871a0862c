"""Faults in the feed: publishing and reading a channel, following it, and the way to Redis."""

from tests.mutation.fault import Fault

PUBLISH, HISTORY = "shared/feed/publish.lua", "shared/feed/history.lua"
FEED, FOLLOWER, POOL = "shared/feed/feed.py", "shared/feed/follower.py", "shared/redis/pool.py"
BATCH, ANNOUNCER = "shared/aio.py", "shared/feed/announcer.py"
ON_FEED = "tests/integration/shared/feed/test_feed.py"
ON_POSITIONS = "tests/integration/shared/feed/test_positions.py"

FAULTS = [
    Fault(PUBLISH, "  redis.call('DEL', KEYS[2])\n", "", f"{ON_POSITIONS} -k old"),
    Fault(PUBLISH, "'HSETNX'", "'HSET'", ON_FEED),
    Fault(PUBLISH, "'MAXLEN', '~', ARGV[2], ", "", ON_FEED),
    Fault(PUBLISH, "redis.call('PEXPIRE', KEYS[2], ARGV[3])\n", "", ON_FEED),
    Fault(PUBLISH, "offset % 16 == 1", "offset % 16 == 0", ON_FEED),
    Fault(HISTORY, "  redis.call('DEL', KEYS[2])\n", "", f"{ON_POSITIONS} -k old"),
    Fault(HISTORY, "redis.call('PEXPIRE', KEYS[1], ARGV[1])\n", "", ON_FEED),
    Fault(
        HISTORY,
        "'+' or '(' .. ARGV[2] .. '-0'",
        "'+' or ARGV[2] .. '-0'",
        "tests/integration/server/hub/test_history.py -k backwards",
    ),
    Fault(HISTORY, "string.sub(replication_id, 1, 20)", "''", f"{ON_FEED} -k restart"),
    Fault(FEED, "newest.epoch != position.epoch or ", "", ON_FEED),
    Fault(
        FEED, "max(round(position_ttl_s * 1000), 2 * self._history_ttl_ms)", "self._history_ttl_ms", ON_FEED
    ),
    Fault(FOLLOWER, "                if known.stale or position", "                if position", ON_FEED),
    Fault(
        FOLLOWER,
        " or position.replication_id != self._replication_id:",
        ":",
        f"{ON_POSITIONS} -k not_trusted",
    ),
    Fault(FOLLOWER, "                del self._to_subscribe[name]\n", "                pass\n", ON_FEED),
    Fault(FOLLOWER, '                self._send("UNSUBSCRIBE", name)\n', "                pass\n", ON_FEED),
    Fault(
        FOLLOWER,
        "        known.stale = True\n        if known.epoch",
        "        if known.epoch",
        f"{ON_FEED} -k lost_while",
    ),
    Fault(FOLLOWER, "delay = min(max(0.05, delay * 2), self.reconnect_max_s)", "delay = 0.0", ON_FEED),
    Fault(FOLLOWER, "            if self._last_heard < sent_at:\n", "            if False:\n", ON_FEED),
    Fault(
        FOLLOWER,
        "                if outdated and self._connection is connection:\n",
        "                if False:\n",
        f"{ON_POSITIONS} -k demoted",
    ),
    Fault(
        FOLLOWER,
        "                except Exception:  # the",
        "                except ImportError:  # the",
        ON_FEED,
    ),
    Fault(
        FOLLOWER,
        "        if known.epoch is not None:\n            self._catch_up",
        "        if False:\n            self._catch_up",
        f"{ON_FEED} -k away",
    ),
    Fault(FOLLOWER, "            known.stale = True  # whoever", "            pass  # whoever", ON_FEED),
    Fault(FOLLOWER, "offset == known.offset + 1:", "offset > known.offset:", ON_FEED),
    Fault(FOLLOWER, " or offset == 1:", ":", ON_FEED),
    Fault(FOLLOWER, "is not known:\n", "is None and False:\n", ON_FEED),
    Fault(
        FOLLOWER,
        "                if found.position.replication_id != self._replication_id:\n",
        "                if False:\n",
        f"{ON_POSITIONS} -k not_trusted",
    ),
    Fault(FOLLOWER, "                    self._on_reset(known.name)\n", "", ON_FEED),
    Fault(POOL, "any(isinstance(reply, ReadOnlyError) for reply in found)", "False", ON_FEED),
    Fault(
        POOL,
        "        await connection.disconnect(nowait=True)\n        raise\n",
        "        raise\n",
        ON_FEED,
    ),
    Fault(POOL, "            raise reply\n", "            pass\n", ON_FEED),
    Fault(
        "shared/redis/scripts.py",
        "            await redis.script_load(self.text)\n",
        "            pass\n",
        ON_FEED,
    ),
    Fault(BATCH, "[: self._most]", "", "tests/unit/shared/test_aio.py"),
    Fault(
        BATCH, "        if self._fetching is None:\n", "        if True:\n", "tests/unit/shared/test_aio.py"
    ),
    Fault(
        BATCH,
        "                    if not waiter.done():  # who",
        "                    if True:  # who",
        "tests/unit/shared/test_aio.py",
    ),
    Fault(
        BATCH,
        "itertools.chain(*waiting.values())",
        "next(iter(waiting.values()))",
        "tests/unit/shared/test_aio.py",
    ),
    Fault(
        ANNOUNCER,
        "        if told:\n",
        "        if True:\n",
        "tests/integration/shared/feed/test_announcer.py",
    ),
    Fault(
        ANNOUNCER,
        "            await self.note(task)\n",
        "            pass\n",
        "tests/integration/shared/feed/test_announcer.py",
    ),
]
