"""Faults in the hub: what is delivered, in which order, to whom, and how much a client may ask for."""

from tests.mutation.fault import Fault

HUB, CONNECTION = "server/hub/hub.py", "server/hub/connection.py"
OUTBOX, PROTOCOL, FRAME = "server/hub/outbox.py", "server/hub/protocol.py", "server/hub/frame.py"
SESSIONS, SNAPSHOTS = "server/hub/sessions.py", "server/snapshots.py"
TRANSPORTS, WIRE = "server/hub/transports/streams.py", "server/hub/transports/websocket.py"
HTTP_LIMITS, STRICT_JSON, LONGPOLL = (
    "server/http/limits.py",
    "server/strict_json.py",
    "server/http/long_poll.py",
)

JOINING = "tests/unit/server/hub/test_joining.py"
ON_OUTBOX = "tests/unit/server/hub/test_outbox.py"
LINGERING = "tests/unit/server/hub/test_lingering.py"
ON_PROTOCOL = "tests/unit/server/hub/test_protocol.py"
ON_CONNECTION = "tests/unit/server/hub/test_connection.py"
BACKPRESSURE = "tests/unit/server/hub/test_backpressure.py"
HELD = "tests/unit/server/http/test_long_poll.py"
ON_HUB = "tests/integration/server/hub/test_hub.py"
LIMITS = "tests/integration/server/hub/test_limits.py"
OVERLOAD = "tests/integration/server/http/test_overload.py"
STREAMS = "tests/integration/server/hub/test_transports.py"

FAULTS = [
    # The hub: what reaches whom
    Fault(
        HUB,
        'progress = isinstance(event, dict) and event.get("type") == "task.progress"',
        "progress = isinstance(event, dict)",
        ON_OUTBOX,
    ),
    Fault(HUB, "f\"{self._channel} {event['task']['taskId']}\"", "self._channel", ON_OUTBOX),
    Fault(
        HUB,
        "message for message in messages if message.offset > self.sent",
        "message for message in messages if message.offset >= self.sent",
        JOINING,
    ),
    Fault(HUB, "subscription.live and subscription.sent < first", "subscription.live", JOINING),
    Fault(
        HUB,
        "write is not None and subscription.live and subscription.sent < first",
        "write is not None and subscription.sent < first",
        JOINING,
    ),
    Fault(
        HUB,
        "        start = missed.position if missed else position\n",
        "        start = position\n",
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
        '        """Redis has lost the channel\'s past: every position handed out is void."""\n'
        "        self._flush()\n",
        "",
        JOINING,
    ),
    Fault(HUB, "        if recover.epoch != newest.epoch:\n", "        if False:\n", JOINING),
    Fault(
        HUB,
        "        if channel is None or subscription not in channel.members:\n",
        "        if channel is None:\n",
        LINGERING,
    ),
    Fault(HUB, "        self._follower.unfollow(name)\n", "", LINGERING),
    Fault(
        HUB,
        "delay_s = max(0, number - SHUTDOWN_AT_ONCE) / spread_out * SHUTDOWN_SPREAD_S",
        "delay_s = 0",
        ON_CONNECTION,
    ),
    Fault(
        HUB,
        "                if missed is None and reject_unrecovered:\n",
        "                if missed is None and False:\n",
        f"{ON_HUB}::test_a_client_may_ask_for_an_error_in_place_of_a_snapshot",
    ),
    # One client
    Fault(
        CONNECTION,
        "self._budget = min(rate, self._budget + (at - self._budgeted_at) * rate) - commands",
        "self._budget = self._budget + (at - self._budgeted_at) * rate - commands",
        ON_CONNECTION,
    ),
    Fault(
        CONNECTION,
        "        if self._gone or self._malformed:\n",
        "        if self._gone:\n",
        ON_CONNECTION,
    ),
    Fault(
        CONNECTION,
        "if not self._affordable(max(1, len(commands))):",
        "if not self._affordable(1):",
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
        "            self._hub.sessions.remove(self)\n            self.principal = None\n",
        "            self.principal = None\n",
        ON_CONNECTION,
    ),
    Fault(
        CONNECTION,
        "            self._hub.sessions.remove(self)\n            self.principal = None\n",
        "            self._hub.sessions.remove(self)\n",
        ON_CONNECTION,
    ),
    Fault(
        CONNECTION,
        "        self._subscriptions[channel] = None\n",
        "",
        f"{LIMITS}::test_too_many_subscriptions",
    ),
    Fault(
        CONNECTION,
        "            self._subscriptions.pop(channel, None)\n            raise\n",
        "            raise\n",
        f"{LIMITS}::test_a_subscription_token_opens_one_channel_for_a_while",
    ),
    Fault(
        CONNECTION,
        "        self.fast = self._transport.fast\n        if self._outbox:\n"
        "            self._transport.write(Frame(self._outbox.take()))\n",
        "        if self._outbox:\n            self._transport.write(Frame(self._outbox.take()))\n"
        "        self.fast = self._transport.fast\n",
        ON_CONNECTION,
    ),
    Fault(
        CONNECTION,
        '        """The transport takes no more for now."""\n        self.fast = None\n',
        '        """The transport takes no more for now."""\n',
        f"{LIMITS}::test_a_slow_client_gets_the_newest_progress_and_every_transition",
    ),
    Fault(
        CONNECTION,
        "        if not self._gone:  # `release`",
        "        if True:  # `release`",
        ON_CONNECTION,
    ),
    # The outbox of a slow client
    Fault(OUTBOX, "        self._replaceable.clear()\n", "", ON_OUTBOX),
    Fault(OUTBOX, "self.size -= self._messages.pop(before).size", "self._messages.pop(before)", ON_OUTBOX),
    Fault(
        OUTBOX,
        "self.size = len(text) if text.isascii() else len(text.encode())",
        "self.size = len(text)",
        ON_OUTBOX,
    ),
    # Text in, text out
    Fault(PROTOCOL, "le=2**32 - 1", "le=2**32", ON_PROTOCOL),
    Fault(
        PROTOCOL,
        "if value is not None}",
        "}",
        ON_PROTOCOL,
    ),
    Fault(FRAME, "    if size < _SHORT:\n", "    if size <= _SHORT:\n", ON_OUTBOX),
    Fault(
        STRICT_JSON,
        "return all(map(_is_finite, value.values()))",
        "return True",
        "tests/unit/server/test_strict_json.py",
    ),
    # Who is connected, and what they start from
    Fault(
        SESSIONS,
        "        members.discard(member)\n",
        "",
        f"{LIMITS}::test_too_many_connections_of_one_user",
    ),
    Fault(
        SNAPSHOTS,
        "after = page.first(len(texts)).after",
        "after = page.after",
        f"{ON_HUB}::test_a_snapshot_that_would_be_too_large_says_where_the_rest_is",
    ),
    # The ways to a client
    Fault(TRANSPORTS, "            self._unsent_bytes -= len(data)\n", "", BACKPRESSURE),
    Fault(
        TRANSPORTS,
        "    if wanted.node == hub.node:\n",
        "    if True:\n",
        f"{STREAMS}::test_commands_reach_a_stream_of_another_process",
    ),
    Fault(
        WIRE,
        "        self.writable = True\n        self._surplus = 0\n",
        "        self.writable = True\n",
        BACKPRESSURE,
    ),
    Fault(
        WIRE,
        "                if frame.opcode is not Opcode.CONT:\n"
        "                    self._is_text = frame.opcode is Opcode.TEXT\n",
        "                self._is_text = frame.opcode is Opcode.TEXT\n",
        f"{ON_HUB}::test_text_has_to_be_utf_8",
    ),
    # How large and how slow a request may be
    Fault(
        HTTP_LIMITS,
        "        self._head_bytes = self._received = 0\n        self._expect_request()",
        "        self._expect_request()",
        f"{OVERLOAD}::test_a_large_head_within_the_limits_is_served_however_many_came_before",
    ),
    Fault(
        HTTP_LIMITS,
        "        if waiting and waiting >= before:\n",
        "        if waiting:\n",
        BACKPRESSURE,
    ),
    Fault(
        HTTP_LIMITS,
        "        if len(self.pipeline) >= MAX_PIPELINED:\n",
        "        if len(self.pipeline) > 1000:\n",
        f"{OVERLOAD}::test_requests_that_are_sent_all_at_once_are_limited",
    ),
    Fault(
        HTTP_LIMITS,
        "        if self._overdue is not None:\n            self._overdue.cancel()\n            self._overdue = None\n",
        "",
        f"{OVERLOAD}::test_idle_connections_outlive_the_deadline_of_a_request",
    ),
    # Requests that wait
    Fault(
        LONGPOLL,
        "            response = await answer()  # again: it may have changed before we listened\n",
        "",
        HELD,
    ),
    Fault(
        LONGPOLL,
        "        subscription.sent = 0  # offsets may begin anew\n",
        "",
        HELD,
    ),
    Fault(
        LONGPOLL,
        "    changed.clear()\n",
        "",
        HELD,
    ),
    Fault(
        LONGPOLL,
        "left_s <= 0 or hub.draining or await request.is_disconnected()",
        "left_s <= 0 or await request.is_disconnected()",
        HELD,
    ),
    Fault(
        LONGPOLL,
        "        held[user_id] -= 1\n",
        "",
        f"{OVERLOAD}::test_held_requests_of_one_user_are_limited",
    ),
]
