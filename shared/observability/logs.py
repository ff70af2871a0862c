"""Logging, set up the same way in every process: structured, and no secret gets into it."""

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from herald.shared.observability import tracing
from herald.shared.settings import Settings

TALKATIVE = ("arq", "google_genai", "httpx", "httpx2")
"""Libraries that log each of their calls; what matters of that is told by us."""

_ESCAPED = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))}
_ESCAPED |= {ord(char): escape for char, escape in (("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t"))}
_ESCAPED |= {0x2028: "\\u2028", 0x2029: "\\u2029"}
"""Characters that begin a line or move the cursor; in a client's value they would forge log lines."""
_ESCAPED_IN_JSON = {code: f"\\u{code:04x}" for code in (*range(127, 160), 0x2028, 0x2029)}
"""Those of them that JSON leaves as they are."""

_about: ContextVar[Mapping[str, Any]] = ContextVar("about", default=MappingProxyType({}))


@contextmanager
def about(**fields: Any) -> Iterator[None]:
    """Put fields, such as ``taskId``, into every line that is logged within the block."""
    token = _about.set({**_about.get(), **fields})
    try:
        yield
    finally:
        _about.reset(token)


class _Formatter(logging.Formatter):
    """Formats a record, tracebacks included, and takes the secrets out of what has come of it."""

    def __init__(self, secrets: list[str]) -> None:
        super().__init__()
        # As they are, and as they are written within JSON.
        self._secrets = {*secrets, *(json.dumps(secret)[1:-1] for secret in secrets)}

    def format(self, record: logging.LogRecord) -> str:
        """The line or lines of a record."""
        text = self.formatted(record, _fields(record))
        for secret in self._secrets:
            text = text.replace(secret, "…")
        return text

    def formatted(self, record: logging.LogRecord, fields: dict[str, Any]) -> str:
        """The same, secrets and all."""
        raise NotImplementedError

    def traceback(self, record: logging.LogRecord) -> str:
        """The record's traceback, if it has one."""
        return self.formatException(record.exc_info) if record.exc_info else ""


class Text(_Formatter):
    """For people: the message first, then the fields."""

    def formatted(self, record: logging.LogRecord, fields: dict[str, Any]) -> str:
        """``LEVEL logger: message  name=value …``, and the traceback below it, indented."""
        line = f"{record.levelname} {record.name}: {record.getMessage()}"
        if fields:
            line += "  " + " ".join(f"{name}={value}" for name, value in fields.items())
        traceback = [
            f"  {below.translate(_ESCAPED)}" for below in self.traceback(record).split("\n") if below
        ]
        return "\n".join([line.translate(_ESCAPED), *traceback])


class Json(_Formatter):
    """For machines: one object a line."""

    def formatted(self, record: logging.LogRecord, fields: dict[str, Any]) -> str:
        """``{"at", "level", "logger", "message", "error"?, …fields}``."""
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **fields,
        }
        if error := self.traceback(record):
            line["error"] = error
        return json.dumps(line, ensure_ascii=False, default=str).translate(_ESCAPED_IN_JSON)


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    """What a line is about: by the blocks that it is logged in, and by its own ``extra={"about": …}``."""
    fields = {**_about.get(), **getattr(record, "about", {})}
    if "traceId" not in fields and (trace_id := tracing.trace_id()):
        fields["traceId"] = trace_id
    return {name: value for name, value in fields.items() if value is not None}


def set_up(settings: Settings) -> None:
    """Log to stderr, from ``settings.log_level`` on."""
    default = "json" if settings.env == "production" else "text"
    formatter = {"json": Json, "text": Text}[settings.log_format or default]
    handler = logging.StreamHandler()
    handler.setFormatter(formatter(settings.secrets()))
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler])
    if settings.log_level != "debug":
        for library in TALKATIVE:
            logging.getLogger(library).setLevel(logging.WARNING)
