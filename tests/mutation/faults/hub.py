"""Faults in the hub: deliveries and their order, recovery, and the limits on a client."""

from tests.mutation.fault import Fault

HUB, CHANNEL = "server/hub/hub.py", "server/hub/channel.py"
CONNECTION, SUBSCRIPTIONS = "server/hub/connection.py", "server/hub/subscriptions.py"
OUTBOX, PROTOCOL, FRAME = "server/hub/outbox.py", "server/hub/protocol.py", "server/hub/frame.py"
RATE_LIMIT, SESSIONS, TIMERS = "server/hub/rate_limit.py", "server/hub/sessions.py", "server/hub/timers.py"
STREAM, WEBSOCKET = "server/hub/transports/stream.py", "server/hub/transports/websocket.py"
EVENTS, SNAPSHOTS = "shared/tasks/events.py", "server/snapshots.py"
UVICORN, STRICT_JSON, LONG_POLL = (
    "server/uvicorn_protocol.py",
    "server/strict_json.py",
    "server/http/long_poll.py",
)

UNIT, INTEGRATION = "tests/unit/server/hub", "tests/integration/server/hub"
JOINING = f"{UNIT}/test_joining.py"
ON_OUTBOX = f"{UNIT}/test_outbox.py"
ON_HUB = f"{UNIT}/test_hub.py"
ON_PROTOCOL = f"{UNIT}/test_protocol.py"
ON_CONNECTION = f"{UNIT}/test_connection.py"
BACKPRESSURE = f"{UNIT}/transports/test_backpressure.py"
ON_UVICORN = "tests/unit/server/test_uvicorn_protocol.py"
HELD = "tests/unit/server/http/test_long_poll.py"
LIMITS = f"{INTEGRATION}/test_limits.py"
SLOW = f"{INTEGRATION}/test_slow_clients.py"
REQUESTS = "tests/integration/server/test_uvicorn_protocol.py"
STREAMS = "tests/integration/server/http/test_connections.py"

FAULTS = [
    # Fan-out and recovery
    Fault(
        EVENTS,
        'if isinstance(event, dict) and event.get("type") == "task.progress":',
        "if isinstance(event, dict):",
        ON_OUTBOX,
    ),
    Fault(EVENTS, 'return str(event["task"]["taskId"])', 'return "progress"', ON_OUTBOX),
    Fault(CHANNEL, 'f"{self._channel.name} {key}"', "key", ON_OUTBOX),
    Fault(
        CHANNEL,
        "message for message in messages if message.offset > self.sent",
        "message for message in messages if message.offset >= self.sent",
        JOINING,
    ),
    Fault(CHANNEL, "subscription.live and subscription.sent < first", "subscription.live", JOINING),
    Fault(
        CHANNEL,
        "write is not None and subscription.live and subscription.sent < first",
        "write is not None and subscription.sent < first",
        JOINING,
    ),
    Fault(
        HUB,
        "Start(missed.position, recovering=True",
        "Start(position, recovering=True",
        JOINING,
    ),
    Fault(
        HUB,
        "            if subscription.void:\n                raise ProtocolError(codes.INTERNAL)\n",
        "",
        JOINING,
    ),
    Fault(
        HUB,
        'Redis has lost the channel\'s history."""\n        self._flush()\n',
        'Redis has lost the channel\'s history."""\n',
        JOINING,
    ),
    Fault(HUB, "        if recover.epoch != newest.epoch:\n", "        if False:\n", JOINING),
    Fault(
        HUB,
        "        if channel is None or subscription not in channel.members:\n",
        "        if channel is None:\n",
        ON_HUB,
    ),
    Fault(HUB, "        self._follower.unfollow(name)\n", "", ON_HUB),
    Fault(
        HUB,
        "delay_s = max(0, number - SHUTDOWN_AT_ONCE) / spread_out * SHUTDOWN_SPREAD_S",
        "delay_s = 0",
        ON_HUB,
    ),
    Fault(
        HUB,
        "                if missed is None and reject_unrecovered:\n",
        "                if missed is None and False:\n",
        f"{INTEGRATION}/test_recovery.py -k instead_of_a_snapshot",
    ),
    # Connections and their limits
    Fault(
        RATE_LIMIT,
        "min(self._per_s, self._left + (at - self._at) * self._per_s)",
        "(self._left + (at - self._at) * self._per_s)",
        f"{UNIT}/test_rate_limit.py",
    ),
    Fault(
        CONNECTION,
        "        if self._closed or self._malformed:\n",
        "        if self._closed:\n",
        ON_CONNECTION,
    ),
    Fault(
        CONNECTION,
        "if not self._rate.allows(max(1, len(commands))):",
        "if not self._rate.allows(1):",
        ON_CONNECTION,
    ),
    Fault(
        CONNECTION,
        "        if self._hub.draining:\n            self.disconnect(codes.SHUTDOWN)\n            return\n",
        "",
        ON_CONNECTION,
    ),
    Fault(
        CONNECTION,
        "            self._hub.sessions.remove(self)\n            self.identity = None\n",
        "            self.identity = None\n",
        ON_CONNECTION,
    ),
    Fault(
        CONNECTION,
        "            self._hub.sessions.remove(self)\n            self.identity = None\n",
        "            self._hub.sessions.remove(self)\n",
        ON_CONNECTION,
    ),
    Fault(
        SUBSCRIPTIONS,
        "        self._by_channel[channel] = None\n",
        "",
        f"{LIMITS}::test_subscriptions_of_a_connection_are_limited",
    ),
    Fault(
        SUBSCRIPTIONS,
        "            self._by_channel.pop(channel, None)\n            raise\n",
        "            raise\n",
        f"{INTEGRATION}/test_subscriptions.py -k until_it_expires",
    ),
    Fault(
        CONNECTION,
        "        self.direct_write = self._transport.direct_write\n        if self._outbox:\n"
        "            self._transport.write(Frame(self._outbox.take()))\n",
        "        if self._outbox:\n            self._transport.write(Frame(self._outbox.take()))\n"
        "        self.direct_write = self._transport.direct_write\n",
        ON_CONNECTION,
    ),
    Fault(
        CONNECTION,
        '        """The transport is full and accepts no more data for now."""\n        self.direct_write = None\n',
        '        """The transport is full and accepts no more data for now."""\n',
        f"{SLOW}::test_a_slow_client_gets_the_newest_progress_and_every_transition",
    ),
    Fault(
        TIMERS,
        "        if not self._closed:  # nothing",
        "        if True:  # nothing",
        ON_CONNECTION,
    ),
    # The outbox of a slow client
    Fault(OUTBOX, "        self._numbers.clear()\n", "", ON_OUTBOX),
    Fault(
        OUTBOX, "self.size -= len(self._messages.pop(replaced))", "self._messages.pop(replaced)", ON_OUTBOX
    ),
    # Encoding and decoding
    Fault(PROTOCOL, "le=2**32 - 1", "le=2**32", ON_PROTOCOL),
    Fault(
        PROTOCOL,
        "if value is not None}",
        "}",
        ON_PROTOCOL,
    ),
    Fault(FRAME, "    if size < _SHORT:\n", "    if size <= _SHORT:\n", f"{UNIT}/test_frame.py"),
    Fault(
        STRICT_JSON,
        "return all(map(_is_finite, value.values()))",
        "return True",
        "tests/unit/server/test_strict_json.py",
    ),
    # Sessions and snapshots
    Fault(
        SESSIONS,
        "        sessions.discard(session)\n",
        "",
        f"{LIMITS}::test_connections_of_a_user_are_limited",
    ),
    Fault(
        SNAPSHOTS,
        "after = page.first(len(tasks)).after",
        "after = page.after",
        f"{INTEGRATION}/test_subscriptions.py::test_a_truncated_snapshot_has_a_cursor_to_the_rest",
    ),
    # Transports
    Fault(STREAM, "            self._unsent_bytes -= len(data)\n", "", BACKPRESSURE),
    Fault(
        HUB,
        "        if node == self.node:\n",
        "        if True:\n",
        f"{STREAMS}::test_commands_reach_a_stream_of_another_process",
    ),
    Fault(
        WEBSOCKET,
        "        self.writable = True\n        self._unread_bytes = 0\n",
        "        self.writable = True\n",
        BACKPRESSURE,
    ),
    Fault(
        WEBSOCKET,
        "                if frame.opcode is not Opcode.CONT:\n"
        "                    self._is_text = frame.opcode is Opcode.TEXT\n",
        "                self._is_text = frame.opcode is Opcode.TEXT\n",
        f"{INTEGRATION}/test_commands.py::test_text_has_to_be_utf_8",
    ),
    # Limits on the size and pace of requests
    Fault(
        UVICORN,
        "        self._head_bytes = self._received = 0\n        self._expect_request()",
        "        self._expect_request()",
        f"{REQUESTS}::test_large_heads_within_the_limits_are_served_one_after_the_other",
    ),
    Fault(
        UVICORN,
        "        if waiting and waiting >= before:\n",
        "        if waiting:\n",
        ON_UVICORN,
    ),
    Fault(
        UVICORN,
        "        if len(self.pipeline) >= MAX_PIPELINED:\n",
        "        if len(self.pipeline) > 1000:\n",
        f"{REQUESTS}::test_pipelined_requests_are_limited",
    ),
    Fault(
        UVICORN,
        "        if self._overdue is not None:\n            self._overdue.cancel()\n            self._overdue = None\n",
        "",
        f"{REQUESTS}::test_idle_connections_outlive_the_deadline_of_a_request",
    ),
    # Long polling
    Fault(
        LONG_POLL,
        "            response = await answer()  # again: it may have changed before we listened\n",
        "",
        HELD,
    ),
    Fault(
        LONG_POLL,
        "        subscription.sent = 0  # offsets may start again from 1\n",
        "",
        HELD,
    ),
    Fault(
        LONG_POLL,
        "    changed.clear()\n",
        "",
        HELD,
    ),
    Fault(
        LONG_POLL,
        "left_s <= 0 or dependencies.hub.draining or await request.is_disconnected()",
        "left_s <= 0 or await request.is_disconnected()",
        HELD,
    ),
    Fault(
        LONG_POLL,
        "        held[user_id] -= 1\n",
        "",
        "tests/integration/server/http/test_long_poll.py::test_held_requests_of_a_user_are_limited",
    ),
]
