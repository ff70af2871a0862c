"""Log lines have their context, in text and in JSON, and contain no secrets."""

import json
import logging
import sys
from typing import Any

import pytest
from pydantic import SecretStr
from structlog.contextvars import bound_contextvars

from herald.shared.observability import logs, tracing
from herald.shared.settings import Settings

AS_TEXT, AS_JSON = logs.formatter("text", []), logs.formatter("json", [])


def a_record(message: str, *args: Any, **about: Any) -> logging.LogRecord:
    fault = sys.exc_info()
    record = logging.LogRecord(
        "herald.test", logging.ERROR, "f", 1, message, args, fault if fault[0] else None
    )
    record.about = about
    return record


@pytest.mark.parametrize("form", ["text", "json"])
def test_secrets_are_removed_from_messages_fields_and_tracebacks(form: Any) -> None:
    settings = Settings(
        auth_secret=SecretStr("the-signing-secret"),
        gemini_api_key=SecretStr('the-"gemini"-key'),
        redis_url="redis://:redis-password@h:6379/0",
        mongo_url="mongodb://user:mongo-password@a,b:27017/?x=1",
    )
    try:
        raise ValueError(f'cannot reach {settings.redis_url} with the-"gemini"-key')
    except ValueError:
        record = a_record("%s and %s", "the-signing-secret", settings.mongo_url, note='the-"gemini"-key')
    text = logs.formatter(form, settings.secrets()).format(record)
    assert "ValueError: cannot reach redis://:…@h:6379/0 with …" in text
    assert "… and mongodb://user:…@a,b:27017/?x=1" in text
    assert not any(secret in text for secret in settings.secrets()) and "gemini" not in text


def test_a_json_line_has_the_bound_fields_and_those_of_the_log_call() -> None:
    with bound_contextvars(taskId="t1", attempt=1), bound_contextvars(attempt=2):
        line = json.loads(AS_JSON.format(a_record("it is %s", "done", endReason=None, by="w")))
    assert line.pop("at").endswith("+00:00")
    assert line == {
        "level": "error",
        "logger": "herald.test",
        "message": "it is done",
        "taskId": "t1",
        "attempt": 2,
        "by": "w",
    }
    assert "taskId" not in json.loads(AS_JSON.format(a_record("later")))


def test_a_text_line_starts_with_the_message() -> None:
    with bound_contextvars(taskId="t1"):
        assert AS_TEXT.format(a_record("hello")) == "ERROR herald.test: hello  taskId=t1"


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_value_cannot_forge_a_log_line(form: Any) -> None:
    forged = "ada\nINFO herald: user eve logged in\r\x1b[2K\u2028\x85"
    try:
        raise ValueError(forged)
    except ValueError:
        record = a_record("a client sent %s", forged, userId=forged)
    lines = logs.formatter(form, []).format(record).splitlines()
    assert not any(line.startswith("INFO") for line in lines)
    assert all(line.startswith("  ") for line in lines[1:]), "a traceback is indented"
    assert not any(char in line for line in lines for char in "\r\x1b\u2028\x85")
    if form == "text":
        assert lines[0].count("ada\\nINFO herald: user eve logged in\\r\\x1b[2K") == 2


def test_a_line_has_the_id_of_the_current_trace() -> None:
    with tracing.span("x", within="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"):
        line = json.loads(AS_JSON.format(a_record("hello")))
    assert line["traceId"] == "0af7651916cd43dd8448eb211c80319c"


def test_a_json_line_has_the_traceback_as_its_error() -> None:
    try:
        raise ValueError("no")
    except ValueError:
        line = json.loads(AS_JSON.format(a_record("hello")))
    assert line["error"].startswith("Traceback") and line["error"].endswith("ValueError: no")


def test_lines_of_libraries_have_the_same_format() -> None:
    record = logging.LogRecord("uvicorn.error", logging.WARNING, "f", 1, "slow %d", (3,), None)
    assert AS_TEXT.format(record) == "WARNING uvicorn.error: slow 3"
