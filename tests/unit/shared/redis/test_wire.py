"""The installed redis-py still has the private parts that Herald relies on."""

import ast
import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import redis
from redis.asyncio import Connection
from redis.exceptions import ReadOnlyError, ResponseError

from herald.shared.redis import wire

CHANGED = f"redis-py {redis.__version__} has changed the private part behind this: adapt shared/redis/wire.py"
ROOT = Path(__file__).resolve().parents[4]


class FakeRedis:
    """A server that sends ``replies`` in one piece when a client connects, and keeps what it receives."""

    def __init__(self) -> None:
        self.replies = b""
        self.received: asyncio.Queue[bytes] = asyncio.Queue()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(self.replies)
        while data := await reader.read(1000):
            self.received.put_nowait(data)
        writer.close()


@pytest.fixture
def fake() -> FakeRedis:
    return FakeRedis()


@pytest.fixture
async def connection(fake: FakeRedis) -> AsyncIterator[Connection]:
    """A connection to ``fake``, not connected yet; it sends no commands by itself."""
    server = await asyncio.start_server(fake.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    opened = Connection(host="127.0.0.1", port=port, lib_name=None, lib_version=None)
    async with server, asyncio.timeout(10):
        yield opened
        await opened.disconnect()


async def test_replies_are_read_in_order_and_errors_among_them_are_returned(
    fake: FakeRedis, connection: Connection
) -> None:
    fake.replies = b"$2\r\nab\r\n:7\r\n-ERR no\r\n-READONLY no\r\n*2\r\n:1\r\n$1\r\nc\r\n"
    await connection.connect()  # type: ignore[no-untyped-call]
    try:
        read = wire.reply_reader(connection)
        text, number, error, read_only, items = [await read(disable_decoding=True) for _ in range(5)]
    except (AttributeError, TypeError) as changed:
        pytest.fail(f"{CHANGED} ({changed})")
    assert (text, number, items) == (b"ab", 7, [1, b"c"]), CHANGED
    assert isinstance(error, ResponseError) and isinstance(read_only, ReadOnlyError), CHANGED


async def test_reading_a_reply_from_a_closed_connection_raises(
    fake: FakeRedis, connection: Connection
) -> None:
    await connection.connect()  # type: ignore[no-untyped-call]
    read = wire.reply_reader(connection)
    await connection.disconnect()
    with pytest.raises((redis.ConnectionError, OSError)):
        await read(disable_decoding=True)


async def test_bytes_can_be_read_without_the_parser(fake: FakeRedis, connection: Connection) -> None:
    fake.replies = b"+first\r\n+second\r\n"
    await connection.connect()  # type: ignore[no-untyped-call]
    try:
        stream = wire.byte_stream(connection)
    except (AttributeError, redis.ConnectionError) as changed:
        pytest.fail(f"{CHANGED} ({changed})")
    assert isinstance(stream, asyncio.StreamReader), CHANGED
    assert await stream.readexactly(len(fake.replies)) == fake.replies, CHANGED


async def test_commands_are_written_without_waiting(fake: FakeRedis, connection: Connection) -> None:
    await connection.connect()  # type: ignore[no-untyped-call]
    try:
        wire.write_command(connection, "SUBSCRIBE", b"a")
    except AttributeError as changed:
        pytest.fail(f"{CHANGED} ({changed})")
    assert await fake.received.get() == b"*2\r\n$9\r\nSUBSCRIBE\r\n$1\r\na\r\n", CHANGED


async def test_a_command_to_a_closed_connection_is_dropped(connection: Connection) -> None:
    wire.write_command(connection, "PING")
    await connection.connect()  # type: ignore[no-untyped-call]
    await connection.disconnect()
    wire.write_command(connection, "PING")


def test_no_other_module_uses_these_private_parts() -> None:
    private = {"_parser", "_reader", "_writer"}
    for path in (ROOT / "shared").rglob("*.py"):
        accesses = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)]
        if path.name != "wire.py":
            assert private.isdisjoint(node.attr for node in accesses), path
