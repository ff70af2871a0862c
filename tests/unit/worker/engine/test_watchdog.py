"""A blocked event loop is logged with the code that blocks it."""

import asyncio
import logging
import threading

import pytest

from herald.worker.engine import watchdog


class Blocked(logging.Handler):
    """Sets an event when the watchdog has reported, and keeps its reports."""

    def __init__(self) -> None:
        super().__init__()
        self.reports: list[str] = []
        self.reported, self.ended = threading.Event(), threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        if "has been blocked" in record.getMessage():
            self.reports.append(record.getMessage())
            self.reported.set()
        else:
            self.ended.set()


def block_until(*events: threading.Event) -> None:
    for event in events:
        assert event.wait(30)


async def test_each_stall_is_logged_once_with_its_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "STALLED_AFTER_S", 0.05)
    monkeypatch.setattr(watchdog, "CHECK_EVERY_S", 0.005)
    handler, passed = Blocked(), threading.Event()
    later = threading.Timer(0.5, passed.set)
    watchdog.log.addHandler(handler)
    try:
        async with watchdog.watching():
            later.start()
            block_until(handler.reported, passed)
            await asyncio.to_thread(handler.ended.wait, 30)
            [report] = handler.reports
            assert "block_until(handler.reported, passed)" in report
            handler.reported.clear()
            block_until(handler.reported)
        assert len(handler.reports) == 2
    finally:
        watchdog.log.removeHandler(handler)
