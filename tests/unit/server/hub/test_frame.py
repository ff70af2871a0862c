"""A frame as each transport encodes it."""

import json

from hypothesis import example, given
from hypothesis import strategies as st
from websockets.frames import Frame as WebSocketFrame
from websockets.frames import Opcode

from herald.server.hub.frame import Frame


@given(st.binary() | st.integers(0, 70_000).map(bytes))
@example(bytes(125))
@example(bytes(126))
@example(bytes(65_535))
@example(bytes(65_536))
def test_a_websocket_frame_equals_the_one_of_the_websockets_library(data: bytes) -> None:
    assert Frame(data).websocket == WebSocketFrame(Opcode.TEXT, data).serialize(mask=False)


def test_lines_and_events_hold_every_message_of_a_frame() -> None:
    frame = Frame(b'{"a":1}\n{"b":2}')
    assert frame.lines == b'{"a":1}\n{"b":2}\n'
    assert frame.event == b'data: {"a":1}\ndata: {"b":2}\n\n'
    assert [json.loads(line[6:]) for line in frame.event.strip().split(b"\n")] == [{"a": 1}, {"b": 2}]
