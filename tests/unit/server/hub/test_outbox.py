"""Which messages an outbox keeps for a slow client, and in which order."""

import json

from hypothesis import given
from hypothesis import strategies as st

from herald.server.hub.channel import Channel, Message
from herald.server.hub.outbox import Outbox
from herald.shared.feed.feed import Publication
from herald.shared.tasks.events import conflation_key

messages = st.lists(st.tuples(st.binary(min_size=1), st.none() | st.sampled_from("ab")))


@given(messages)
def test_messages_without_a_newer_one_of_their_key_are_kept_in_order(
    put: list[tuple[bytes, str | None]],
) -> None:
    outbox = Outbox()
    for data, key in put:
        outbox.put(data, key)
    kept = [
        data
        for place, (data, key) in enumerate(put)
        if key is None or all(later != key for _, later in put[place + 1 :])
    ]
    assert outbox.size == sum(map(len, kept))
    assert bool(outbox) == bool(kept)
    assert outbox.take() == b"\n".join(kept)
    assert (bool(outbox), outbox.size, outbox.take()) == (False, 0, b"")


def test_only_the_progress_of_a_task_is_conflated() -> None:
    types = ["queued", "processing", "progress", "progress", "step", "progress", "step", "completed"]
    outbox, channel = Outbox(), Channel("tasks#ada", conflation_key)
    events = [{"type": f"task.{kind}", "task": {"taskId": "t"}} for kind in types]
    events.append({"type": "task.progress", "task": {"taskId": "u"}})
    for offset, event in enumerate(events, 1):
        message = Message(channel, Publication(offset, json.dumps(event)))
        outbox.put(message.data, message.conflation_key)
    left = [json.loads(line)["push"]["pub"]["offset"] for line in outbox.take().split(b"\n")]
    assert left == [1, 2, 5, 6, 7, 8, 9]


def test_messages_of_different_channels_do_not_replace_each_other() -> None:
    outbox = Outbox()
    for name in ("task:t", "tasks#ada", "tasks#ada"):
        message = Message(Channel(name, lambda _: "t"), Publication(1, "{}"))
        outbox.put(message.data, message.conflation_key)
    assert [json.loads(line)["push"]["channel"] for line in outbox.take().split(b"\n")] == [
        "task:t",
        "tasks#ada",
    ]


def test_messages_that_were_taken_are_not_replaced() -> None:
    outbox = Outbox()
    for data in (b"1", b"2"):
        assert not outbox.put(data, "a")
        assert outbox.take() == data
