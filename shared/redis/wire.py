"""The private parts of redis-py that Herald relies on; no other module touches them.

redis-py's public methods read one reply at a time, each under a timeout of its own. Every event passes
through here, so that cost matters. Measured with redis-py 5.3 on one processor:

- three commands in one exchange: 65 µs, where a pipeline takes 100 µs;
- one pub/sub message of a busy connection: 1.4 µs, where ``Connection.read_response`` takes 5.8 µs.

``tests/unit/shared/redis/test_wire.py`` fails when a new version of redis-py no longer fits.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import hiredis
from redis.asyncio import Connection
from redis.exceptions import ConnectionError as RedisConnectionError

ReadReply = Callable[..., Awaitable[Any]]


def reply_reader(connection: Connection) -> ReadReply:
    """The function that reads the next reply of ``connection``, without a timeout.

    Call it with ``disable_decoding=True``: replies are bytes, numbers and lists. An error reply is returned,
    not raised; only a lost connection raises.
    """
    parser: Any = connection._parser
    read: ReadReply = parser.read_response
    return read


def byte_stream(connection: Connection) -> asyncio.StreamReader:
    """The stream of bytes that arrive on ``connection``; nothing else may read from it from then on.

    Raises:
        redis.ConnectionError: ``connection`` is closed.
    """
    stream = connection._reader
    if stream is None:
        raise RedisConnectionError("the connection is closed")
    return stream


def write_command(connection: Connection, *command: str | bytes) -> None:
    """Write a command without waiting until it has been sent; does nothing if ``connection`` is closed.

    Raises:
        RuntimeError: the connection has just been lost.
    """
    if connection._writer is not None:
        connection._writer.write(hiredis.pack_command(command))  # type: ignore[arg-type]
