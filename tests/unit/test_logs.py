"""No secret gets into a log."""

import logging

from pydantic import SecretStr

from shared.logs import SecretsRemoved
from shared.settings import Settings


def test_secrets_are_taken_out_of_messages_and_tracebacks() -> None:
    settings = Settings(
        auth_secret=SecretStr("the-signing-secret"),
        gemini_api_key=SecretStr("the-gemini-key"),
        redis_url="redis://:redis-password@h:6379/0",
        mongo_url="mongodb://user:mongo-password@a,b:27017/?x=1",
    )
    formatter = SecretsRemoved("%(message)s", settings.secrets())
    try:
        raise ValueError(f"cannot reach {settings.redis_url} with the-gemini-key")
    except ValueError:
        import sys

        record = logging.LogRecord(
            "n",
            logging.ERROR,
            "f",
            1,
            "%s and %s",
            ("the-signing-secret", settings.mongo_url),
            sys.exc_info(),
        )
    text = formatter.format(record)
    assert "ValueError: cannot reach redis://:…@h:6379/0 with …" in text
    assert "… and mongodb://user:…@a,b:27017/?x=1" in text
