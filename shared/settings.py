"""All settings, read from environment variables; no other module reads the environment."""

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
"""The environment variable with the folder in which prometheus-client shares metrics between processes."""
MIN_SECRET_BYTES = 32  # RFC 7518 §3.2: an HS256 key must be at least as long as the hash
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
"""MongoDB options that `herald.shared.tasks.store.Store.connect` sets, overriding the URL."""


def _weakening(mongo_url: str) -> list[str]:
    """An error message for each option of a MongoDB URL that would weaken Herald's guarantees."""
    used = {name.lower(): f"{name}={value}" for name, value in _MONGO_OPTIONS.items()}
    given = parse_qsl(urlsplit(mongo_url).query.replace(";", "&"), keep_blank_values=True)
    return [
        f"HERALD_MONGO_URL has {name}={value}; remove it: Herald needs and sets {used[name.lower()]}"
        for name, value in given
        if name.lower() in used and f"{name}={value}".lower() != used[name.lower()].lower()
    ]


class ClientSettings(BaseSettings):
    """The settings of clients: the few that a process needs which only talks to Herald.

    Raises:
        pydantic.ValidationError: an invalid value.
    """

    model_config = SettingsConfigDict(env_prefix="HERALD_", populate_by_name=True, frozen=True)

    env: Literal["dev", "production"] = "dev"
    """``production`` rejects development defaults, and ``POST /api/token`` is off."""
    url: str = "http://127.0.0.1:8000"
    """URL at which clients and the command line reach Herald."""
    token: SecretStr | None = None
    """Token of clients and the command line. Unset: they sign one with ``auth_secret``; outside of
    development, only the command line does."""


class Settings(ClientSettings):
    """Herald's settings, each read from the variable ``HERALD_<NAME>`` unless its description names another.

    Raises:
        pydantic.ValidationError: an invalid value, or with ``HERALD_ENV=production`` a default that is only
            suitable for development.
    """

    # Processes

    host: str = "127.0.0.1"
    """Address on which the web process listens."""
    port: int = Field(8000, ge=1, le=65535, validation_alias=AliasChoices("PORT"))
    """``PORT``: port on which the web process listens."""
    workers: int = Field(1, ge=1, validation_alias=AliasChoices("WEB_CONCURRENCY"))
    """``WEB_CONCURRENCY``: number of web processes that share the port."""
    data_dir: Path = Path(".herald")
    """Folder in which the embedded services keep their data between runs."""
    grace_period_s: int = Field(10, ge=1)
    """How long a web process may take to stop, in seconds."""
    worker_grace_s: float = Field(3, ge=0)
    """How long a stopping worker lets its tasks run before it hands them back to the queue, in seconds."""

    # Observability

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Lowest level that is logged."""
    log_format: Literal["text", "json"] | None = None
    """Format of log lines. Defaults to ``json`` (one object per line) in production, otherwise ``text``."""
    otlp_endpoint: str | None = Field(
        None,
        validation_alias=AliasChoices("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"),
    )
    """URL to which spans are exported. Unset: no spans are recorded. The exporter also reads OpenTelemetry's
    other variables."""
    metrics_dir: Path | None = Field(None, validation_alias=AliasChoices(METRICS_DIR))
    """Folder in which processes of one machine share their metrics, so that each can expose the sums."""
    metrics_token: SecretStr | None = None
    """Bearer token required by ``/metrics``. Unset: no token is required."""
    worker_metrics_port: int | None = Field(None, ge=1, le=65535)
    """Port on which a worker serves its own metrics. Unset: it serves none."""

    # MongoDB and Redis

    redis_url: str = ""
    """URL of Redis. Unset: ``make run`` starts an embedded one."""
    mongo_url: str = ""
    """URL of MongoDB. Unset: ``make run`` starts an embedded one."""
    mongo_database: str = "herald"
    """Name of the MongoDB database."""
    mongo_driver: Literal["motor", "pymongo"] = "motor"
    """The asynchronous MongoDB driver."""
    namespace: str = Field("", pattern=r"^[A-Za-z0-9_-]*$", max_length=30)
    """Prefix of everything in Redis and of the database's name, so that several Heralds can share both."""
    retention_days: float = Field(30, gt=0)
    """How long ended tasks and their checkpoints are kept, in days."""

    # Authentication

    auth_secret: SecretStr = SecretStr(DEVELOPMENT_SECRET)
    """Secret that verifies tokens (HS256), unless ``auth_jwks_url`` is set."""
    auth_jwks_url: str | None = None
    """URL of the public keys (JWKS) that verify tokens, instead of the secret."""
    auth_algorithm: Literal["RS256", "ES256", "EdDSA"] = "RS256"
    """Signature algorithm of tokens that are verified with JWKS."""
    auth_audience: str | None = None
    """Required ``aud`` of tokens. Unset: not checked."""
    auth_issuer: str | None = None
    """Required ``iss`` of tokens. Unset: not checked."""
    auth_leeway_s: float = Field(30, ge=0)
    """How far in the future a token's ``iat`` and ``nbf`` may be, in seconds, to allow for clock skew."""
    token_ttl_s: int = Field(3600, gt=0)
    """Lifetime of development tokens, in seconds."""
    expiry_grace_s: float = Field(25, ge=0)
    """How long a connection may stay open after its token has expired, waiting for a new one, in seconds."""
    allowed_origins: list[str] = []
    """Origins besides Herald's own whose pages may connect, as a JSON list. ``["*"]`` allows every page."""

    # Centrifugo

    centrifugo_api_url: str | None = None
    """URL of Centrifugo's HTTP API, such as ``http://centrifugo:8000/api``. If set, it delivers events."""
    centrifugo_api_key: SecretStr | None = None
    """Key for Centrifugo's API, and for Centrifugo's requests to Herald."""

    # The feed and the hub

    history_size: int = Field(256, ge=1)
    """Number of publications per channel that are kept for recovery."""
    history_ttl_s: float = Field(3600, gt=0)
    """How long a channel's publications are kept for recovery, in seconds."""
    ping_interval_s: float = Field(25, gt=0)
    """Time between two pings to a connection, in seconds."""
    pong_within_s: float = Field(10, gt=0)
    """How long a connection may take to answer a ping, in seconds."""
    connect_within_s: float = Field(5, gt=0)
    """How long a connection may take to authenticate, in seconds."""
    max_frame_bytes: int = Field(64 * 1024, gt=0)
    """Maximum size of a frame from a client, in bytes."""
    max_commands_per_s: float = Field(200, gt=0)
    """Maximum rate of commands on a connection, per second; bursts of one second's worth are allowed."""
    max_subscriptions: int = Field(128, ge=1)
    """Maximum number of subscriptions of a connection."""
    max_connections_per_user: int = Field(64, ge=1)
    """Maximum number of a user's connections, and of held ``Prefer: wait`` requests, per web process."""
    max_outbox_bytes: int = Field(1024 * 1024, gt=0)
    """Maximum amount of unsent data for a slow connection, in bytes, on top of what its socket buffers."""
    snapshot_recent_s: float = Field(3600, ge=0)
    """How recently ended tasks are part of a snapshot, in seconds."""

    # Tasks

    tasks: str = "herald.worker.tasks"
    """Modules whose task types a worker runs, separated by commas."""
    max_jobs: int = Field(20, ge=1)
    """Number of tasks that a worker process runs at once (its slots)."""
    max_running_per_user: int = Field(10, ge=0)
    """Maximum number of a user's tasks that run at once, over all workers. 0 means no limit."""
    max_queued_per_user: int = Field(1000, ge=1)
    """Maximum number of a user's queued tasks; more are rejected."""
    count_source: bool = False
    """Whether a step runs again when the source of its function has changed; for development."""
    task_deadline_s: float = Field(24 * 3600, gt=0)
    """A task fails if it has not ended this many seconds after it was queued."""
    max_body_bytes: int = Field(256 * 1024, gt=0)
    """Maximum size of a request's body, in bytes."""

    # Models

    gemini_api_key: SecretStr | None = None
    """Key for the Gemini API. Unset: the offline provider writes the answers."""
    gemini_base_url: str | None = None
    """URL of the Gemini API, such as a gateway's. Defaults to Google's."""
    gemini_model: str = "gemini-3.8-flash"
    """The Gemini model."""
    gemini_temperature: float | None = Field(None, ge=0, le=2)
    """Sampling temperature. Defaults to the model's own."""
    gemini_max_output_tokens: int | None = Field(None, ge=1)
    """Maximum number of tokens of an answer, including thoughts. Defaults to the model's own limit."""
    gemini_timeout_s: float = Field(120, gt=0)
    """How long Gemini may send nothing, in seconds. (A task type's ``timeout`` limits the whole attempt.)"""
    gemini_concurrency: int = Field(16, ge=1)
    """Maximum number of concurrent calls of a worker process to Gemini; further calls wait."""
    gemini_input_price: float | None = Field(None, ge=0)
    """US dollars per million input tokens. Overrides the model's list price, or adds a missing one."""
    gemini_output_price: float | None = Field(None, ge=0)
    """US dollars per million output tokens. Overrides the model's list price, or adds a missing one."""
    offline_words_per_second: float = Field(60, ge=0)
    """Writing speed of the offline provider. 0 means as fast as possible."""

    @property
    def task_modules(self) -> list[str]:
        """The names of the modules in ``tasks``."""
        return [name.strip() for name in self.tasks.split(",") if name.strip()]

    @property
    def database(self) -> str:
        """The name of the MongoDB database in the namespace."""
        return f"{self.namespace}-{self.mongo_database}" if self.namespace else self.mongo_database

    def secrets(self) -> list[str]:
        """All secret values, which must never be logged."""
        fields = [
            self.auth_secret,
            self.gemini_api_key,
            self.metrics_token,
            self.centrifugo_api_key,
            self.token,
        ]
        passwords = [urlsplit(url).password for url in (self.redis_url, self.mongo_url)]
        return [*(secret.get_secret_value() for secret in fields if secret), *filter(None, passwords)]

    @field_validator("redis_url", "mongo_url")
    @classmethod
    def _check_scheme(cls, url: str, field: ValidationInfo) -> str:
        schemes = _SCHEMES[str(field.field_name)]
        if url and not url.startswith(schemes):
            raise ValueError(f"must start with {', '.join(schemes[:-1])} or {schemes[-1]}")
        return url

    @model_validator(mode="after")
    def _check_production(self) -> Self:
        if self.env == "dev":
            return self
        secret = self.auth_secret.get_secret_value()
        problems = []
        if secret == DEVELOPMENT_SECRET:
            problems.append("HERALD_AUTH_SECRET is the public development secret; set your own")
        elif len(secret.encode()) < MIN_SECRET_BYTES:
            problems.append(f"HERALD_AUTH_SECRET is shorter than {MIN_SECRET_BYTES} bytes; set a longer one")
        problems += [
            f"{name} is not set; production needs its own server"
            for name, url in (("HERALD_REDIS_URL", self.redis_url), ("HERALD_MONGO_URL", self.mongo_url))
            if not url
        ]
        problems += _weakening(self.mongo_url)
        if problems:
            raise ValueError("Can't start with HERALD_ENV=production: " + "; ".join(problems))
        return self


@lru_cache(maxsize=1)
def load() -> Settings:
    """The settings of this process, read once.

    Raises:
        SystemExit: an invalid setting; the message has one line for each.
    """
    try:
        return Settings()
    except SettingsError:  # only raised for lists, which are decoded before validation
        given = os.environ.get("HERALD_ALLOWED_ORIGINS")
        sys.exit(
            f'herald: HERALD_ALLOWED_ORIGINS: must be a JSON list such as ["https://a.test"] (got {given!r})'
        )
    except ValidationError as error:
        lines = [_readable(dict(detail)) for detail in error.errors()]
        sys.exit("\n".join(lines))


def load_for_service() -> Settings:
    """The settings of a process that needs Redis and MongoDB.

    Raises:
        SystemExit: see `load`; or a URL is not set.
    """
    settings = load()
    for name, url in (("HERALD_REDIS_URL", settings.redis_url), ("HERALD_MONGO_URL", settings.mongo_url)):
        if not url:
            sys.exit(
                f"herald: {name} is not set; set it, or run `herald dev`, which starts an embedded server"
            )
    return settings


def _readable(detail: dict[str, object]) -> str:
    where = detail.get("loc")
    if not (isinstance(where, tuple) and where):
        return f"herald: {str(detail['msg']).removeprefix('Value error, ')}"
    name = str(where[0]) if str(where[0]).isupper() else f"HERALD_{where[0]}".upper()
    # A URL may contain a password.
    given = re.sub(r"(//[^/@:]*):[^/@]*@", r"\1:***@", repr(detail["input"]))
    return f"herald: {name}: {str(detail['msg']).removeprefix('Value error, ')} (got {given})"


def set_for_children(**changes: str) -> None:
    """Set variables for the child processes that a library starts."""
    os.environ.update(changes)


def child_environment(**changes: str) -> dict[str, str]:
    """This process's environment with ``changes``, for a child process."""
    return {**os.environ, **changes}
