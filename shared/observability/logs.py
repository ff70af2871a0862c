"""Sets up logging in every process: structured lines, with all secrets removed.

Herald and its libraries log through the standard library; structlog formats the lines. To add fields to a
line, bind them with ``structlog.contextvars.bound_contextvars(taskId=…)`` around the code that logs, or pass
``extra={"about": {…}}`` with the call.
"""

import json
import logging
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, Literal

from structlog.contextvars import get_contextvars
from structlog.processors import JSONRenderer, format_exc_info
from structlog.stdlib import ProcessorFormatter
from structlog.typing import EventDict

from herald.shared.observability import tracing
from herald.shared.settings import Settings

CHATTY_LIBRARIES = ("arq", "google_genai", "httpx", "httpx2")
"""Libraries that log every call; Herald logs the outcomes that matter."""

_ESCAPED = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))}
_ESCAPED |= {ord(char): escape for char, escape in (("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t"))}
_ESCAPED |= {0x2028: "\\u2028", 0x2029: "\\u2029"}
"""Characters that start a new line or move the cursor. In a client's value they would forge log lines."""
_ESCAPED_IN_JSON = {code: f"\\u{code:04x}" for code in (*range(127, 160), 0x2028, 0x2029)}
"""The characters of `_ESCAPED` that JSON does not escape by itself."""


def set_up(settings: Settings) -> None:
    """Log to stderr at ``settings.log_level`` and above."""
    default: Literal["json", "text"] = "json" if settings.env == "production" else "text"
    handler = logging.StreamHandler()
    handler.setFormatter(formatter(settings.log_format or default, settings.secrets()))
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler])
    if settings.log_level != "debug":
        for library in CHATTY_LIBRARIES:
            logging.getLogger(library).setLevel(logging.WARNING)


def formatter(form: Literal["json", "text"], secrets: Iterable[str]) -> logging.Formatter:
    """Format records as text for people, or as one JSON object a line for machines.

    Every occurrence of a secret in a line, including its traceback, is replaced by ``…``.
    """
    render = {"json": _render_json, "text": _render_text}[form]
    return ProcessorFormatter(processors=[format_exc_info, _fields, render, _redactor(secrets)])


def _fields(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """The fields of a line: ``{at, level, logger, message, …context and "about", traceId?, error?}``."""
    record: logging.LogRecord = event["_record"]
    line = {
        "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname.lower(),
        "logger": record.name,
        "message": event["event"],
        **get_contextvars(),
        **getattr(record, "about", {}),
    }
    line.setdefault("traceId", tracing.trace_id())
    line["error"] = event.get("exception")
    return {name: value for name, value in line.items() if value is not None}


_to_json = JSONRenderer(ensure_ascii=False, default=str)


def _render_json(logger: Any, method: str, line: EventDict) -> str:
    return str(_to_json(logger, method, line)).translate(_ESCAPED_IN_JSON)


def _render_text(_logger: Any, _method: str, line: EventDict) -> str:
    """``LEVEL logger: message  name=value …``, followed by the indented traceback."""
    del line["at"]
    level, logger, message, error = (line.pop(name, "") for name in ("level", "logger", "message", "error"))
    text = f"{level.upper()} {logger}: {message}"
    if line:
        text += "  " + " ".join(f"{name}={value}" for name, value in line.items())
    traceback = [f"  {row.translate(_ESCAPED)}" for row in error.split("\n") if row]
    return "\n".join([text.translate(_ESCAPED), *traceback])


def _redactor(secrets: Iterable[str]) -> Callable[[Any, str, Any], str]:
    """A processor that removes the secrets from a rendered line, as they are and as JSON escapes them."""
    hidden = {form for secret in secrets for form in (secret, json.dumps(secret)[1:-1])}

    def redact(_logger: Any, _method: str, line: str) -> str:
        for secret in hidden:
            line = line.replace(secret, "…")
        return line

    return redact
