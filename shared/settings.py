"""Every setting, read from the environment; the only module that reads it."""

import os
import re
import sys
from functools import lru_cache
from pathlib import Path
from typing import Literal, Self
from urllib.parse import parse_qsl, urlsplit

from pydantic import (
    AliasChoices,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

DEVELOPMENT_SECRET = "herald-development-secret-not-for-the-internet"  # noqa: S105
METRICS_DIR = "PROMETHEUS_MULTIPROC_DIR"
"""The variable by which prometheus-client's processes find each other."""
MIN_SECRET_BYTES = 32  # RFC 7518 §3.2: an HS256 key is at least as long as the hash
_SCHEMES = {
    "redis_url": ("redis://", "rediss://", "unix://", "redis+sentinel://"),
    "mongo_url": ("mongodb://", "mongodb+srv://"),
}
_MONGO_OPTIONS = {
    "w": "majority",
    "journal": "true",
    "fsync": "false",
    "readConcernLevel": "majority",
    "readPreference": "primary",
}
"""The options that `herald.shared.tasks.mongo.open_database` sets itself, whatever the URL says."""


def _weakening(mongo_url: str) -> list[str]:
    """An error message for each option of a MongoDB URL that contradicts what Herald relies on."""
    used = {name.lower(): f"{name}={value}" for name, value in _MONGO_OPTIONS.items()}
    asked = parse_qsl(urlsplit(mongo_url).query.replace(";", "&"), keep_blank_values=True)
    return [
        f"HERALD_MONGO_URL has {name}={value}; remove it, Herald needs {used[name.lower()]} and sets it"
        for name, value in asked
        if name.lower() in used and f"{name}={value}".lower() != used[name.lower()].lower()
    ]


class Settings(BaseSettings):
    """Herald's settings; each is the environment variable ``HERALD_<NAME>`` unless it says otherwise.

    Raises:
        pydantic.ValidationError: a value cannot be read, or ``HERALD_ENV=production`` meets a default
            that is only right for a laptop.
    """

    model_config = SettingsConfigDict(env_prefix="HERALD_", populate_by_name=True, frozen=True)

    env: Literal["dev", "production"] = "dev"
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=1, le=65535, validation_alias=AliasChoices("PORT"))
    """``PORT``: where the web process listens."""
    workers: int = Field(1, ge=1, validation_alias=AliasChoices("WEB_CONCURRENCY"))
    """``WEB_CONCURRENCY``: how many web processes share the port."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["text", "json"] | None = None
    """Unset, it is JSON in production, one object a line, and text in development."""
    otlp_endpoint: str | None = Field(
        None,
        validation_alias=AliasChoices("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"),
    )
    """Where spans go; unset, none are made. The exporter reads OpenTelemetry's other variables itself."""
    metrics_dir: Path | None = Field(None, validation_alias=AliasChoices(METRICS_DIR))
    """Where the processes of one machine put what they count, so that any of them can show the sums."""
    metrics_token: SecretStr | None = None
    """What ``/metrics`` has to be asked with, as a bearer token; unset, anybody may ask."""
    worker_metrics_port: int | None = Field(None, ge=1, le=65535)
    """Where a worker shows its metrics by itself; unset, it does not."""
    data_dir: Path = Path(".herald")
    """Where the embedded services keep their data between runs."""

    redis_url: str = ""
    mongo_url: str = ""
    mongo_database: str = "herald"
    mongo_driver: Literal["motor", "pymongo"] = "motor"
    retention_days: float = Field(30, gt=0)
    """How long an ended task and its checkpoints are kept, in days."""

    auth_secret: SecretStr = SecretStr(DEVELOPMENT_SECRET)
    auth_jwks_url: str | None = None
    """Where the public keys are that tokens are checked with; instead of the secret."""
    auth_algorithm: Literal["RS256", "ES256", "EdDSA"] = "RS256"
    """How tokens that are checked by JWKS are signed; the secret's are always HS256."""
    auth_audience: str | None = None
    """What a token's ``aud`` has to hold; unset, it is not looked at."""
    auth_issuer: str | None = None
    """What a token's ``iss`` has to be; unset, it is not looked at."""
    auth_leeway_s: float = Field(30, ge=0)
    """How far in the future a token's ``iat`` and ``nbf`` may be, in seconds: clocks differ."""
    token_ttl_s: int = Field(3600, gt=0)
    """Lifetime of a development token, in seconds."""
    expiry_grace_s: float = Field(25, ge=0)
    """How long a connection may take to bring a new token after the old one has expired, in seconds."""
    allowed_origins: list[str] = []
    """Origins besides our own whose pages may connect, as a JSON list; ``["*"]`` is every page."""

    centrifugo_api_url: str | None = None
    """A Centrifugo's HTTP API, such as ``http://centrifugo:8000/api``; it forwards the events then."""
    centrifugo_api_key: SecretStr | None = None
    """What its API is asked with, and what it has to ask ours with."""

    history_size: int = Field(256, ge=1)
    """Publications kept per channel for recovery."""
    history_ttl_s: float = Field(3600, gt=0)
    """How long a channel's publications can be recovered, in seconds."""
    ping_interval_s: float = Field(25, gt=0)
    """Between two pings from the hub to a connection, in seconds."""
    pong_within_s: float = Field(10, gt=0)
    """How long a connection may take to answer a ping, in seconds."""
    connect_within_s: float = Field(5, gt=0)
    """How long a connection may take to say who it is, in seconds."""
    max_frame_bytes: int = Field(64 * 1024, gt=0)
    """Largest frame that a client may send."""
    max_commands_per_s: float = Field(200, gt=0)
    """Commands a second that a connection may send; it may save up one second's worth."""
    max_subscriptions: int = Field(128, ge=1)
    """Channels that a connection may have."""
    max_connections_per_user: int = Field(64, ge=1)
    """Connections that a user may have with one web process; and as many held requests (``Prefer: wait``)."""
    max_outbox_bytes: int = Field(1024 * 1024, gt=0)
    """What may wait for a connection that does not read, besides what its socket holds."""
    grace_period_s: int = Field(10, ge=1)
    """How long a web process that is told to stop may take, in seconds."""
    snapshot_recent_s: float = Field(3600, ge=0)
    """A snapshot also holds the tasks that ended within this many seconds."""

    max_jobs: int = Field(20, ge=1)
    """Tasks that one worker process runs at once."""
    max_running_per_user: int = Field(10, ge=0)
    """Tasks of one user that all workers run at once; more of them wait. 0 is no limit."""
    max_queued_per_user: int = Field(1000, ge=1)
    """Tasks of one user that may wait; more are refused."""
    task_timeout_s: float = Field(600, gt=0)
    """Longest run of one attempt, in seconds."""
    task_deadline_s: float = Field(24 * 3600, gt=0)
    """A task that has not ended so many seconds after it was queued fails."""
    worker_grace_s: float = Field(3, ge=0)
    """How long a worker that is told to stop lets its tasks run on, in seconds, before it hands them back."""
    max_body_bytes: int = Field(256 * 1024, gt=0)

    gemini_api_key: SecretStr | None = None
    gemini_base_url: str | None = None
    """Another address than Google's own, such as a gateway's."""
    gemini_model: str = "gemini-3.8-flash"
    gemini_temperature: float | None = Field(None, ge=0, le=2)
    """Unset, it is the model's own."""
    gemini_max_output_tokens: int | None = Field(None, ge=1)
    """Longest answer of one call, its thoughts included; unset, it is the model's own."""
    gemini_timeout_s: float = Field(120, gt=0)
    """How long Gemini may be silent, in seconds; how long a whole attempt may take is ``task_timeout_s``."""
    gemini_concurrency: int = Field(16, ge=1)
    """Calls that one worker process makes at once; more of them wait."""
    gemini_input_price: float | None = Field(None, ge=0)
    """US dollars per million input tokens, for a model whose price is not known here, or another price."""
    gemini_output_price: float | None = Field(None, ge=0)
    """US dollars per million output tokens."""
    offline_words_per_second: float = Field(60, ge=0)
    """Pace of the offline provider; 0 writes as fast as it can."""

    url: str = "http://127.0.0.1:8000"
    """Where the command line finds Herald."""
    token: SecretStr | None = None
    """Who the command line is; unset, it makes a token by ``auth_secret``."""

    def secrets(self) -> list[str]:
        """What may never be seen in a log."""
        hidden = [
            self.auth_secret,
            self.gemini_api_key,
            self.metrics_token,
            self.centrifugo_api_key,
            self.token,
        ]
        passwords = [urlsplit(url).password for url in (self.redis_url, self.mongo_url)]
        return [*(secret.get_secret_value() for secret in hidden if secret), *filter(None, passwords)]

    @field_validator("redis_url", "mongo_url")
    @classmethod
    def _has_a_scheme(cls, url: str, field: ValidationInfo) -> str:
        schemes = _SCHEMES[str(field.field_name)]
        if url and not url.startswith(schemes):
            raise ValueError(f"it has to begin with {', '.join(schemes[:-1])} or {schemes[-1]}")
        return url

    @model_validator(mode="after")
    def _fit_for_the_internet(self) -> Self:
        if self.env == "dev":
            return self
        secret = self.auth_secret.get_secret_value()
        wrong = []
        if secret == DEVELOPMENT_SECRET:
            wrong.append("HERALD_AUTH_SECRET is the public development secret; set your own")
        elif len(secret.encode()) < MIN_SECRET_BYTES:
            wrong.append(f"HERALD_AUTH_SECRET is shorter than {MIN_SECRET_BYTES} bytes")
        wrong += [
            f"{name} is not set; production needs a service of its own"
            for name, url in (("HERALD_REDIS_URL", self.redis_url), ("HERALD_MONGO_URL", self.mongo_url))
            if not url
        ]
        wrong += _weakening(self.mongo_url)
        if wrong:
            raise ValueError("HERALD_ENV=production refuses to start: " + "; ".join(wrong))
        return self


@lru_cache(maxsize=1)
def load() -> Settings:
    """The settings of this process; read once.

    Raises:
        SystemExit: with one readable line a wrong setting, instead of a traceback.
    """
    try:
        return Settings()
    except SettingsError:  # only a list is decoded before it is validated
        given = os.environ.get("HERALD_ALLOWED_ORIGINS")
        sys.exit(
            f'herald: HERALD_ALLOWED_ORIGINS: not a JSON list such as ["https://a.example"] (it is {given!r})'
        )
    except ValidationError as error:
        lines = [_readable(dict(detail)) for detail in error.errors()]
        sys.exit("\n".join(lines))


def load_for_service() -> Settings:
    """The settings of a process that needs Redis and MongoDB.

    Raises:
        SystemExit: see `load`; or the address of either is not set.
    """
    settings = load()
    for name, url in (("HERALD_REDIS_URL", settings.redis_url), ("HERALD_MONGO_URL", settings.mongo_url)):
        if not url:
            sys.exit(f"herald: {name} is not set; set it, or use `make run`, which brings an embedded one")
    return settings


def _readable(detail: dict[str, object]) -> str:
    where = detail.get("loc")
    if not (isinstance(where, tuple) and where):
        return f"herald: {str(detail['msg']).removeprefix('Value error, ')}"
    name = str(where[0]) if str(where[0]).isupper() else f"HERALD_{where[0]}".upper()
    given = re.sub(
        r"(//[^/@:]*):[^/@]*@", r"\1:***@", repr(detail["input"])
    )  # an address may hold a password
    return f"herald: {name}: {str(detail['msg']).removeprefix('Value error, ')} (it is {given})"


def set_for_children(**changes: str) -> None:
    """Put variables into the environment of the processes that a library of ours will start."""
    os.environ.update(changes)


def child_environment(**changes: str) -> dict[str, str]:
    """This process's environment with ``changes`` laid over it, for a process that we start."""
    return {**os.environ, **changes}
