"""The commands of the client protocol, sent by hand: served, refused, or answered by a disconnect."""

import json
from typing import Any

import pytest

from tests.support.client import PERSONAS, Herald
from tests.support.hub import MINE


async def test_a_frame_may_hold_several_commands(herald: Herald) -> None:
    async with herald.socket() as socket:
        await socket.send(
            {"id": 1, "connect": {"token": herald.token()}}, {"id": 2, "ping": {}}, {"id": 3, "dance": {}}
        )
        replies = [await socket.next() for _ in range(3)]
        assert [reply["id"] for reply in replies] == [1, 2, 3]
        assert replies[2]["error"]["code"] == 104


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ({"publish": {"channel": MINE, "data": {}}}, 108),
        ({"presence": {"channel": MINE}}, 108),
        ({"rpc": {"method": "x"}}, 108),
        ({"dance": {}}, 104),
        ({"subscribe": {"channel": MINE}}, 105),
        ({"subscribe": {"channel": "tasks#bob"}}, 103),
        ({"subscribe": {"channel": "task:unknown"}}, 103),
        ({"subscribe": {"channel": "brand:foreign"}}, 103),
        ({"subscribe": {"channel": "brand:"}}, 103),
        ({"subscribe": {"channel": "else"}}, 103),
        ({"subscribe": {}}, 107),
        ({"subscribe": {"channel": "x" * 256}}, 107),
        ({"subscribe": {"channel": "brand:acme", "type": 1}}, 108),
        ({"subscribe": {"channel": "brand:acme", "type": 4}}, 108),
        ({"subscribe": {"channel": "brand:acme", "tf": {"key": "a", "cmp": "ex"}}}, 107),
        ({"subscribe": {"channel": "brand:acme", "recover": True, "offset": 2**63}}, 107),
        ({"subscribe": {"channel": "brand:acme", "offset": 2**64}}, 107),
        ({"history": {"channel": MINE, "limit": 2**63}}, 107),
        ({"history": {"channel": MINE, "limit": 1, "since": {"offset": 2**63}}}, 107),
        ({"history": {"channel": MINE, "limit": 1, "since": {"offset": 0}, "reverse": True}}, 107),
    ],
)
async def test_a_refused_command_gets_an_error_and_the_connection_stays(
    herald: Herald, command: dict[str, Any], code: int
) -> None:
    herald.brands = ["acme", ""]
    async with herald.connected() as socket:
        assert (await socket.call(**command))["error"]["code"] == code
        assert (await socket.call(ping={}))["ping"] == {}


@pytest.mark.parametrize(
    "frame",
    [
        "nonsense",
        "[1]",
        "",
        '{"connect":{}}',
        '{"id":1,"ping":{}}',
        '{"id":1,"subscribe":{"channel":"c"}}',
        '{"send":{}}',
    ],
)
async def test_only_the_client_that_breaks_the_protocol_is_disconnected(herald: Herald, frame: str) -> None:
    async with herald.connected() as innocent, herald.socket() as socket:
        await socket.connection.send(frame)
        assert await socket.closed() == (3501, "bad request")
        await herald.create(PERSONAS)
        assert (await innocent.publication())["offset"] == 1


async def test_commands_before_a_malformed_line_are_served(herald: Herald) -> None:
    async with herald.socket() as socket:
        connect = json.dumps({"id": 1, "connect": {"token": herald.token()}})
        await socket.connection.send(f'{connect}\n{{"id":2,"ping":{{}}}}\nnonsense\n{{"id":3,"ping":{{}}}}')
        await socket.connection.send('{"id":4,"ping":{}}')
        assert [(await socket.next())["id"] for _ in range(2)] == [1, 2]
        assert await socket.closed() == (3501, "bad request")


@pytest.mark.parametrize("number", [{}, {"id": 5}])
async def test_a_send_disconnects_the_client(herald: Herald, number: dict[str, int]) -> None:
    async with herald.connected() as socket:
        await socket.send({**number, "send": {"data": {}}})
        assert await socket.closed() == (3508, "not available")


async def test_a_binary_frame_is_decoded_like_text(herald: Herald) -> None:
    async with herald.connected() as socket:
        await socket.connection.send(b'{"id":9,"ping":{}}')
        assert await socket.next() == {"id": 9, "ping": {}}
        await socket.connection.send(b"\xff")
        assert await socket.closed() == (3501, "bad request")


async def test_text_has_to_be_utf_8(herald: Herald) -> None:
    async with herald.connected() as socket:
        refused = {"id": 9, "subscribe": {"channel": "brand:é"}}
        text = json.dumps(refused, ensure_ascii=False).encode()
        await socket.connection.send([text[:-4], text[-4:]], text=True)  # a character in two fragments
        assert (await socket.next())["error"]["code"] == 103
        await socket.connection.send([text[:-4], text[-3:]], text=True)  # half a character
        assert (await socket.closed())[0] == 1007


async def test_a_second_connect_is_a_bad_request(herald: Herald) -> None:
    async with herald.connected() as socket:
        await socket.send({"id": 9, "connect": {"token": herald.token()}})
        assert await socket.closed() == (3501, "bad request")
