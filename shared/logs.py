"""Logging, set up the same way in every process; no secret gets into it."""

import logging

from shared.settings import Settings


class SecretsRemoved(logging.Formatter):
    """Formats a record, tracebacks included, and takes the secrets out of what has come of it."""

    def __init__(self, template: str, secrets: list[str]) -> None:
        super().__init__(template)
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        """The line or lines of a record."""
        text = super().format(record)
        for secret in self._secrets:
            text = text.replace(secret, "…")
        return text


def set_up(settings: Settings) -> None:
    """Log to stderr, from ``settings.log_level`` on."""
    handler = logging.StreamHandler()
    handler.setFormatter(SecretsRemoved("%(levelname)s %(name)s: %(message)s", settings.secrets()))
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler])
