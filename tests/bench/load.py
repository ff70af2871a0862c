"""A minimal WebSocket client that counts events, and the resource usage of a process."""

import asyncio
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

MARK = b"#~#"
"""Occurs once in each event."""
SENT_AT = re.compile(rb'"t\\?":(\d+)')
PAD = "x" * 180
PAGE = os.sysconf("SC_PAGE_SIZE")
TICKS = os.sysconf("SC_CLK_TCK")


def payload(number: int) -> str:
    """An event of about 250 bytes that contains its send time in nanoseconds."""
    return f'{{"type":"task.step","n":{number},"t":{time.monotonic_ns()},"mark":"#~#","pad":"{PAD}"}}'


def client_frame(text: str) -> bytes:
    """A text frame masked with zeros."""
    data = text.encode()
    length = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + len(data).to_bytes(2)
    return b"\x81" + length + bytes(4) + data


class RawClient(asyncio.Protocol):
    """Performs a scripted handshake, then counts marks in the received bytes."""

    def __init__(self, host: str, path: str, answers: list[tuple[bytes, str | None]], measure: bool) -> None:
        self._host = host
        self._path = path
        self._answers = list(answers)
        self._tail = b""
        self._measure = measure
        self.count = 0
        self.on_count: Callable[[int], None] = lambda _: None
        self.latencies: list[int] = []
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.transport: asyncio.Transport
        self._seen = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's transport does not derive from it
        lines = [
            f"GET {self._path} HTTP/1.1",
            f"Host: {self._host}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
            "",
            "",
        ]
        self.transport.write("\r\n".join(lines).encode())

    def data_received(self, data: bytes) -> None:
        if self._answers:
            self._greet(data)
            return
        text = self._tail + data
        found = text.count(MARK)
        if found:
            self.count += found
            self.on_count(found)
            if self._measure:
                now = time.monotonic_ns()
                self.latencies += [now - int(sent_at) for sent_at in SENT_AT.findall(text)]
        # Keep less than a mark or, when measuring latencies, everything after the last mark.
        self._tail = text[text.rfind(MARK) + 3 :] if self._measure and found else text[-2:]

    def _greet(self, data: bytes) -> None:
        """Wait for each expected part in turn and send its answer."""
        self._seen += data
        while self._answers and self._answers[0][0] in self._seen:
            expected, answer = self._answers.pop(0)
            self._seen = self._seen[self._seen.index(expected) + len(expected) :]
            if answer is not None:
                self.transport.write(client_frame(answer))
        if not self._answers:
            rest, self._seen = self._seen, b""
            self.ready.set_result(None)
            self.data_received(rest)

    def connection_lost(self, _: Exception | None) -> None:
        if not self.ready.done():
            self.ready.set_exception(ConnectionError("the server closed the connection"))


class Usage:
    """Resource usage of a process."""

    def __init__(self, pid: int) -> None:
        self._pid = pid

    def cpu_s(self) -> float:
        """CPU time in seconds."""
        fields = Path(f"/proc/{self._pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def memory(self) -> int:
        """Resident memory in bytes."""
        return int(Path(f"/proc/{self._pid}/statm").read_text().split()[1]) * PAGE
