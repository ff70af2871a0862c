"""Faults in the feed: publishing and reading a channel, following it, and the way to Redis."""

from tests.mutation.fault import Fault

PUBLISH, HISTORY = "shared/feed/publish.lua", "shared/feed/history.lua"
FEED, CENTRIFUGO = "shared/feed/feed.py", "shared/feed/centrifugo.py"
FOLLOWER, PUBSUB = "shared/feed/follower.py", "shared/feed/pubsub.py"
POOL, SCRIPTS, WIRE = "shared/redis/pool.py", "shared/redis/scripts.py", "shared/redis/wire.py"
AIO, ANNOUNCER = "shared/aio.py", "shared/feed/announcer.py"
ON_FEED = "tests/integration/shared/feed/test_feed.py"
ON_CENTRIFUGO = "tests/integration/shared/feed/test_centrifugo.py"
ON_FOLLOWER = "tests/integration/shared/feed/test_follower.py"
ON_PUBSUB = "tests/integration/shared/feed/test_pubsub.py"
ON_FAILOVER = "tests/integration/shared/feed/test_failover.py"
ON_POOL = "tests/integration/shared/redis/test_pool.py"
ON_AIO = "tests/unit/shared/test_aio.py"
ON_WIRE = "tests/unit/shared/redis/test_wire.py"

FAULTS = [
    Fault(PUBLISH, "  redis.call('DEL', KEYS[2])\n", "", f"{ON_FEED} -k with_a_publication"),
    Fault(PUBLISH, "'HSETNX'", "'HSET'", ON_FEED),
    Fault(PUBLISH, "'MAXLEN', '~', ARGV[2], ", "", ON_FEED),
    Fault(PUBLISH, "redis.call('PEXPIRE', KEYS[2], ARGV[3])\n", "", ON_FEED),
    Fault(PUBLISH, "offset % 16 == 1", "offset % 16 == 0", ON_FEED),
    Fault(HISTORY, "  redis.call('DEL', KEYS[2])\n", "", f"{ON_FEED} -k with_a_reader"),
    Fault(HISTORY, "redis.call('PEXPIRE', KEYS[1], ARGV[1])\n", "", ON_FEED),
    Fault(
        HISTORY,
        "'+' or '(' .. ARGV[2] .. '-0'",
        "'+' or ARGV[2] .. '-0'",
        "tests/integration/server/hub/test_history.py -k backwards",
    ),
    Fault(HISTORY, "string.sub(replication_id, 1, 20)", "''", f"{ON_PUBSUB} -k restart"),
    Fault(FEED, "newest.epoch != position.epoch or ", "", ON_FEED),
    Fault(
        FEED, "max(round(position_ttl_s * 1000), 2 * self._history_ttl_ms)", "self._history_ttl_ms", ON_FEED
    ),
    Fault(FEED, " and not hubs_only:", ":", f"{ON_CENTRIFUGO} -k hubs_only"),
    Fault(CENTRIFUGO, 'if rejection := reply.get("error"):', "if rejection := None:", ON_CENTRIFUGO),
    # Following a channel
    Fault(
        FOLLOWER, "                if followed.stale or position", "                if position", ON_FOLLOWER
    ),
    Fault(
        FOLLOWER,
        " or position.replication_id != self._pubsub.replication_id:",
        ":",
        f"{ON_FAILOVER} -k not_trusted",
    ),
    Fault(FOLLOWER, "                del self._to_subscribe[name]\n", "                pass\n", ON_FOLLOWER),
    Fault(
        FOLLOWER,
        '                self._pubsub.send("UNSUBSCRIBE", name)\n',
        "                pass\n",
        ON_FOLLOWER,
    ),
    Fault(
        FOLLOWER,
        "        followed.stale = True\n        if followed.epoch",
        "        if followed.epoch",
        f"{ON_FOLLOWER} -k lost_while",
    ),
    Fault(
        FOLLOWER,
        "                except Exception:  # all",
        "                except ImportError:  # all",
        ON_FOLLOWER,
    ),
    Fault(
        FOLLOWER,
        "        if followed.epoch is not None:\n            self._catch_up",
        "        if False:\n            self._catch_up",
        f"{ON_FOLLOWER} -k during_a_reconnect",
    ),
    Fault(
        FOLLOWER,
        "            followed.stale = True  # the history",
        "            pass  # the history",
        ON_FOLLOWER,
    ),
    Fault(FOLLOWER, "offset == followed.offset + 1:", "offset > followed.offset:", ON_FOLLOWER),
    Fault(FOLLOWER, " or offset == 1:", ":", ON_FOLLOWER),
    Fault(FOLLOWER, "is not followed:\n", "is None and False:\n", ON_FOLLOWER),
    Fault(
        FOLLOWER,
        "                if found.position.replication_id != self._pubsub.replication_id:\n",
        "                if False:\n",
        f"{ON_FAILOVER} -k not_trusted",
    ),
    Fault(FOLLOWER, "                    self._on_reset(followed.name)\n", "", ON_FOLLOWER),
    # Keeping the connection open
    Fault(PUBSUB, "        self._on_connect()\n", "", ON_FOLLOWER),
    Fault(PUBSUB, "delay = min(max(0.05, delay * 2), self.reconnect_max_s)", "delay = 0.0", ON_PUBSUB),
    Fault(PUBSUB, "            if self._last_received < sent_at:\n", "            if False:\n", ON_PUBSUB),
    Fault(
        PUBSUB,
        "                if outdated and self._connection is connection:\n",
        "                if False:\n",
        f"{ON_FAILOVER} -k demoted",
    ),
    Fault(
        POOL, "any(isinstance(reply, ReadOnlyError) for reply in received)", "False", f"{ON_POOL} -k demoted"
    ),
    Fault(
        POOL,
        "        await connection.disconnect(nowait=True)\n        raise\n",
        "        raise\n",
        ON_POOL,
    ),
    Fault(POOL, "            raise reply\n", "            pass\n", ON_POOL),
    Fault(
        SCRIPTS,
        "            await redis.script_load(self.text)\n",
        "            pass\n",
        "tests/integration/shared/redis/test_scripts.py",
    ),
    Fault(WIRE, "parser.read_response", "connection.read_response", ON_WIRE),
    Fault(WIRE, "    if connection._writer is not None:\n", "    if True:\n", ON_WIRE),
    # Batching loads
    Fault(AIO, "[: self._max_keys]", "", ON_AIO),
    Fault(AIO, "        if self._fetching is None:\n", "        if True:\n", ON_AIO),
    Fault(
        AIO,
        "                    if not waiter.done():  # its",
        "                    if True:  # its",
        ON_AIO,
    ),
    Fault(AIO, "itertools.chain(*waiting.values())", "next(iter(waiting.values()))", ON_AIO),
    # Announcing
    Fault(
        ANNOUNCER,
        "        if published:\n",
        "        if True:\n",
        "tests/integration/shared/feed/test_announcer.py",
    ),
    Fault(
        ANNOUNCER,
        "            await self.mark_announced(task)\n",
        "            pass\n",
        "tests/integration/shared/feed/test_announcer.py",
    ),
]
