import json

from hypothesis import example, given
from hypothesis import strategies as st
from websockets.frames import Frame as WebSocketFrame
from websockets.streams import StreamReader

from herald.server.hub.frame import Frame
from herald.server.hub.hub import Message
from herald.server.hub.outbox import Outbox, Outgoing
from herald.shared.feed.feed import Publication

messages = st.lists(
    st.builds(
        Outgoing,
        st.text(st.characters(codec="utf-8", exclude_characters="\n"), min_size=1),
        st.none() | st.sampled_from("ab"),
    )
)


@given(messages)
def test_everything_that_nothing_replaced_leaves_in_order(put: list[Outgoing]) -> None:
    outbox = Outbox()
    for message in put:
        outbox.put(message)
    kept = [
        message
        for place, message in enumerate(put)
        if message.replaces is None or all(later.replaces != message.replaces for later in put[place + 1 :])
    ]
    assert outbox.size == sum(len(message.text.encode()) for message in kept)
    assert bool(outbox) == bool(kept)
    assert outbox.take() == "\n".join(message.text for message in kept)
    assert (bool(outbox), outbox.size, outbox.take()) == (False, 0, "")


def test_only_the_progress_of_a_task_is_conflated() -> None:
    types = ["queued", "processing", "progress", "progress", "step", "progress", "step", "completed"]
    outbox = Outbox()
    for offset, kind in enumerate(types, 1):
        event = {"type": f"task.{kind}", "task": {"taskId": "t"}}
        outbox.put(Message("tasks#ada", "", Publication(offset, json.dumps(event))).outgoing)
    other = {"type": "task.progress", "task": {"taskId": "u"}}
    outbox.put(Message("tasks#ada", "", Publication(9, json.dumps(other))).outgoing)
    assert [int(line.partition(",")[0]) for line in outbox.take().split("\n")] == [1, 2, 5, 6, 7, 8, 9]


def test_nothing_replaces_what_has_left() -> None:
    outbox = Outbox()
    for text in ("1", "2"):
        assert not outbox.put(Outgoing(text, "a"))
        assert outbox.take() == text


def parsed(data: bytes) -> str:
    reader = StreamReader()
    reader.feed_data(data)
    parsing = WebSocketFrame.parse(reader.read_exact, mask=False)
    try:
        next(parsing)
    except StopIteration as end:
        frame: WebSocketFrame = end.value
        assert frame.fin and frame.opcode == 1
        return bytes(frame.data).decode()
    raise AssertionError("half a frame")


@given(st.text() | st.integers(0, 70_000).map(lambda length: "x" * length))
@example("x" * 125)
@example("x" * 126)
@example("x" * 65_535)
@example("x" * 65_536)
def test_a_frame_is_what_a_websocket_reads(text: str) -> None:
    assert parsed(Frame(text).websocket) == text


def test_an_event_is_joined_again_by_its_reader() -> None:
    frame = Frame('{"a":1}\n{"b":2}')
    assert frame.lines == b'{"a":1}\n{"b":2}\n'
    assert frame.event == b'data: {"a":1}\ndata: {"b":2}\n\n'
    assert [json.loads(line[6:]) for line in frame.event.decode().strip().split("\n")] == [{"a": 1}, {"b": 2}]
