"""The client protocol: how frames are decoded, and how replies and pushes are encoded."""

import json
from typing import Any

import orjson
import pytest

from herald.server.hub import codes, protocol
from herald.server.hub.protocol import Command, MalformedFrameError


def decode(frame: str | bytes) -> list[Command | None]:
    return list(protocol.decode(frame))


def one(frame: str) -> Command:
    [command] = decode(frame)
    assert command is not None
    return command


def test_a_frame_holds_one_or_more_commands() -> None:
    first, pong, second = decode('{"id":1,"connect":{"token":"t"}}\n{}\n{"id":2,"ping":{}}\n')
    assert first is not None and isinstance(first.request, protocol.ConnectRequest)
    assert pong is None
    assert second is not None and isinstance(second.request, protocol.PingRequest)


def test_bytes_are_decoded_like_text() -> None:
    assert decode(b'{"id":1,"ping":{}}') == decode('{"id":1,"ping":{}}')


def test_a_connect_holds_the_positions_of_its_server_side_subscriptions() -> None:
    request = one(
        '{"id":1,"connect":{"token":"t","subs":{"tasks#a":{"recover":true,"epoch":"e","offset":7}}}}'
    ).request
    assert isinstance(request, protocol.ConnectRequest)
    assert request.subs["tasks#a"] == protocol.SubscribeRequest(recover=True, epoch="e", offset=7)


def test_unknown_fields_are_ignored() -> None:
    request = one('{"id":1,"subscribe":{"channel":"c","positioned":true,"data":{"x":1}},"more":2}').request
    assert request == protocol.SubscribeRequest(channel="c")


def test_an_unknown_method_has_no_request() -> None:
    assert one('{"id":1,"dance":{}}').request is None


@pytest.mark.parametrize("method", ["publish", "presence", "presence_stats", "rpc"])
def test_commands_that_the_hub_does_not_offer_are_recognized(method: str) -> None:
    assert isinstance(
        one(json.dumps({"id": 1, method: {"channel": "c"}})).request, protocol.NotOfferedRequest
    )


@pytest.mark.parametrize("frame", ['{"send":{"data":{}}}', '{"id":1,"send":{}}'])
def test_a_send_needs_no_id(frame: str) -> None:
    assert one(frame).request == protocol.SendRequest()


def test_null_counts_as_missing() -> None:
    frame = '{"id":1,"ping":null,"subscribe":{"channel":"c","token":null,"offset":null,"tf":null}}'
    assert one(frame).request == protocol.SubscribeRequest(channel="c")


@pytest.mark.parametrize(("number", "value"), [("3.0", 3), ("1e+21", 10**21), (str(2**63), 2**63)])
def test_whole_numbers_may_be_large_or_written_as_floats(number: str, value: int) -> None:
    request = one(f'{{"id":1,"subscribe":{{"channel":"c","offset":{number}}}}}').request
    assert request == protocol.SubscribeRequest(channel="c", offset=value)


@pytest.mark.parametrize("bad", ["nonsense", '{"id":0,"ping":{}}', b"\xff"])
def test_commands_before_a_malformed_line_are_decoded(bad: str | bytes) -> None:
    good = '{"id":1,"ping":{}}\n{}\n'
    frame = good + bad if isinstance(bad, str) else good.encode() + bad
    decoded = []
    with pytest.raises(MalformedFrameError):
        for command in protocol.decode(frame):
            decoded.append(command)
    assert decoded == decode(good)


@pytest.mark.parametrize(
    "frame",
    [
        "nonsense",
        "[]",
        "1",
        '"send"',
        "null",
        '{"ping":{}}',
        '{"id":0,"ping":{}}',
        '{"id":"x","ping":{}}',
        '{"id":1,"connect":3}',
        '{"id":1,"subscribe":{"channel":"c","offset":-1}}',
        '{"id":1.5,"ping":{}}',
        '{"id":4294967296,"ping":{}}',
        b"\xff\xfe",
        b'{"id":1,"subscribe":{"channel":"\xff"}}',
        "",
        "\n\n",
    ],
)
def test_malformed_frames_are_refused(frame: str | bytes) -> None:
    with pytest.raises(MalformedFrameError):
        decode(frame)


def on_the_wire(result: protocol.Result) -> Any:
    return json.loads(orjson.dumps(result))


def test_a_reply_repeats_the_id_of_its_command() -> None:
    assert json.loads(protocol.reply(one('{"id":7,"ping":{}}'), "ping")) == {"id": 7, "ping": {}}


def test_an_error_reports_whether_it_is_temporary() -> None:
    command = one('{"id":7,"ping":{}}')
    assert json.loads(protocol.error_reply(command, codes.PERMISSION_DENIED)) == {
        "id": 7,
        "error": {"code": 103, "message": "permission denied"},
    }
    assert json.loads(protocol.error_reply(command, codes.INTERNAL))["error"]["temporary"] is True


@pytest.mark.parametrize("channel", ['odd"channel', "tasks#zoë"])
def test_the_data_of_a_publication_is_sent_unchanged(channel: str) -> None:
    push = protocol.publication(protocol.publication_prefix(channel), 3, '{"a":"é"}')
    assert json.loads(push) == {"push": {"channel": channel, "pub": {"offset": 3, "data": {"a": "é"}}}}


def test_a_subscribe_result_holds_a_snapshot_or_the_missed_publications() -> None:
    described = {"recoverable": True, "positioned": True, "offset": 3, "epoch": "e"}
    fresh = protocol.subscription(offset=3, epoch="e", recovering=False, snapshot='{"tasks":[]}', ttl_s=9)
    assert on_the_wire(fresh) == described | {"data": {"tasks": []}, "expires": True, "ttl": 9}
    recovered = protocol.subscription(
        offset=3, epoch="e", recovering=True, publications=[(2, "1"), (3, '{"a":1}')]
    )
    flags = {"recovered": True, "was_recovering": True}
    publications = [{"offset": 2, "data": 1}, {"offset": 3, "data": {"a": 1}}]
    assert on_the_wire(recovered) == described | flags | {"publications": publications}
    nothing_missed = protocol.subscription(offset=3, epoch="e", recovering=True, publications=[])
    assert on_the_wire(nothing_missed) == described | flags
    lost = protocol.subscription(offset=3, epoch="e", recovering=True, snapshot=b"{}")
    assert on_the_wire(lost) == described | {"was_recovering": True, "data": {}}


def test_a_connect_result_holds_the_results_of_its_subscriptions() -> None:
    result = protocol.connected(
        client="c", session="s", node="n", ping_s=25, ttl_s=None, subscriptions={'odd"': {"offset": 1}}
    )
    assert on_the_wire(result) == {
        "client": "c",
        "version": "herald",
        "ping": 25,
        "pong": True,
        "session": "s",
        "node": "n",
        "subs": {'odd"': {"offset": 1}},
    }


def test_a_ttl_is_a_year_at_most() -> None:
    long, year = 10**12, 365 * 24 * 3600
    assert protocol.expiry(long)["ttl"] == year
    assert protocol.subscription(offset=0, epoch="e", recovering=False, ttl_s=long)["ttl"] == year
    connected = protocol.connected(client="c", session="s", node="n", ping_s=25, ttl_s=long, subscriptions={})
    assert connected["ttl"] == year


def test_a_history_result_holds_a_position_and_publications() -> None:
    result = protocol.history(offset=2, epoch="e", publications=[(1, "null")])
    assert on_the_wire(result) == {
        "offset": 2,
        "epoch": "e",
        "publications": [{"offset": 1, "data": None}],
    }


def test_a_disconnect_push_holds_its_code_and_reason() -> None:
    push = json.loads(protocol.disconnected(codes.SLOW))["push"]
    assert push == {"disconnect": {"code": 3008, "reason": "slow", "reconnect": True}}


def test_clients_reconnect_only_after_temporary_disconnects() -> None:
    assert codes.SHUTDOWN.reconnects and codes.INSUFFICIENT_STATE.reconnects and codes.SLOW.reconnects
    assert not codes.INVALID_TOKEN.reconnects and not codes.BAD_REQUEST.reconnects
