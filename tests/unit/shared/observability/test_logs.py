"""Lines say what they are about, in text and in JSON, and no secret gets into them."""

import json
import logging
import sys
from typing import Any

import pytest
from pydantic import SecretStr

from herald.shared.observability import logs, tracing
from herald.shared.settings import Settings


def a_record(message: str, *args: Any, **about: Any) -> logging.LogRecord:
    fault = sys.exc_info()
    record = logging.LogRecord(
        "herald.test", logging.ERROR, "f", 1, message, args, fault if fault[0] else None
    )
    record.about = about
    return record


@pytest.mark.parametrize("formatter", [logs.Text, logs.Json])
def test_secrets_are_taken_out_of_messages_fields_and_tracebacks(formatter: Any) -> None:
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
    text = formatter(settings.secrets()).format(record)
    assert "ValueError: cannot reach redis://:…@h:6379/0 with …" in text
    assert "… and mongodb://user:…@a,b:27017/?x=1" in text
    assert not any(secret in text for secret in settings.secrets()) and "gemini" not in text


def test_a_line_of_json_has_the_fields_of_its_blocks_and_its_own() -> None:
    with logs.about(taskId="t1", attempt=1), logs.about(attempt=2):
        line = json.loads(logs.Json([]).format(a_record("it is %s", "done", endReason=None, by="w")))
    assert line.pop("at").endswith("+00:00")
    assert line == {
        "level": "error",
        "logger": "herald.test",
        "message": "it is done",
        "taskId": "t1",
        "attempt": 2,
        "by": "w",
    }
    assert "taskId" not in json.loads(logs.Json([]).format(a_record("later")))


def test_a_line_of_text_puts_the_message_first() -> None:
    with logs.about(taskId="t1"):
        assert logs.Text([]).format(a_record("hello")) == "ERROR herald.test: hello  taskId=t1"


@pytest.mark.parametrize("formatter", [logs.Text, logs.Json])
def test_no_value_can_forge_a_line(formatter: Any) -> None:
    forged = "ada\nINFO herald: user eve logged in\r\x1b[2K\u2028\x85"
    try:
        raise ValueError(forged)
    except ValueError:
        record = a_record("a client sent %s", forged, userId=forged)
    lines = formatter([]).format(record).splitlines()
    assert not any(line.startswith("INFO") for line in lines)
    assert all(line.startswith("  ") for line in lines[1:]), "a traceback is set apart from the lines"
    assert not any(char in line for line in lines for char in "\r\x1b\u2028\x85")
    if formatter is logs.Text:
        assert lines[0].count("ada\\nINFO herald: user eve logged in\\r\\x1b[2K") == 2


def test_a_line_names_the_trace_that_it_belongs_to() -> None:
    with tracing.span("x", within="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"):
        line = json.loads(logs.Json([]).format(a_record("hello")))
    assert line["traceId"] == "0af7651916cd43dd8448eb211c80319c"
