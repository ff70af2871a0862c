"""Raw clients that count what arrives, the same for every server; and what a process has used."""

import asyncio
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

MARK = b"#~#"
"""Once in each event's payload."""
SENT_AT = re.compile(rb'"t\\?":(\d+)')
PAD = "x" * 180
PAGE = os.sysconf("SC_PAGE_SIZE")
TICKS = os.sysconf("SC_CLK_TCK")


def payload(number: int) -> str:
    """An event of about 250 bytes that tells when it was sent, in nanoseconds."""
    return f'{{"type":"task.step","n":{number},"t":{time.monotonic_ns()},"mark":"#~#","pad":"{PAD}"}}'


def client_frame(text: str) -> bytes:
    """A masked text frame; the mask is zero."""
    data = text.encode()
    length = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + len(data).to_bytes(2)
    return b"\x81" + length + bytes(4) + data


class RawClient(asyncio.Protocol):
    """A WebSocket that sends what it is told to, and counts marks in the bytes that it gets."""

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
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class
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
        # What is kept is shorter than the mark, or, where times are read, begins after the last mark.
        self._tail = text[text.rfind(MARK) + 3 :] if self._measure and found else text[-2:]

    def _greet(self, data: bytes) -> None:
        """Wait for each expected part in turn, and send what answers it."""
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
            self.ready.set_exception(ConnectionError("the server has closed the connection"))


class Usage:
    """What the processes of a server have used."""

    def __init__(self, pid: int) -> None:
        self._pid = pid

    def cpu_s(self) -> float:
        """Seconds of processor time."""
        fields = Path(f"/proc/{self._pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def memory(self) -> int:
        """Bytes of memory of its own."""
        return int(Path(f"/proc/{self._pid}/statm").read_text().split()[1]) * PAGE
