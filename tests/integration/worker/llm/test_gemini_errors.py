"""Errors of Gemini: the end reason, whether a retry may help, and the advice to the user."""

from typing import Any

import pytest

from herald.shared.task_api.errors import ModelError
from herald.shared.tasks.models import EndReason
from tests.support.gemini import (
    KEY,
    RETRY_INFO,
    Gemini,
    Reply,
    chunk,
    connected,
    cut,
    error,
    slowly,
    sse,
    stream,
    written,
)

RETRY, FAIL = True, False


async def failure(server: Gemini | str, **options: Any) -> ModelError:
    address = server if isinstance(server, str) else server.address
    async with connected(address, **options) as provider:
        with pytest.raises(ModelError) as failed:
            await written(provider)
    assert KEY not in str(failed.value)
    return failed.value


@pytest.mark.parametrize(
    ("code", "status", "end", "advice"),
    [
        (429, "RESOURCE_EXHAUSTED", (EndReason.QUOTA, RETRY), "quota"),
        (408, "DEADLINE_EXCEEDED", (EndReason.PROVIDER_ERROR, RETRY), "temporarily unavailable"),
        (500, "INTERNAL", (EndReason.PROVIDER_ERROR, RETRY), "temporarily unavailable"),
        (503, "UNAVAILABLE", (EndReason.PROVIDER_ERROR, RETRY), "temporarily unavailable"),
        (529, "OVERLOADED", (EndReason.PROVIDER_ERROR, RETRY), "temporarily unavailable"),
        (400, "INVALID_ARGUMENT", (EndReason.PROVIDER_ERROR, FAIL), "Shorten or change the input"),
        (401, "UNAUTHENTICATED", (EndReason.PROVIDER_ERROR, FAIL), "HERALD_GEMINI_API_KEY"),
        (403, "PERMISSION_DENIED", (EndReason.PROVIDER_ERROR, FAIL), "HERALD_GEMINI_API_KEY"),
        (404, "NOT_FOUND", (EndReason.PROVIDER_ERROR, FAIL), "HERALD_GEMINI_MODEL"),
    ],
)
async def test_each_error_has_a_reason_and_advice(
    gemini: Gemini, code: int, status: str, end: tuple[EndReason, bool], advice: str
) -> None:
    gemini.reply = error(code, status, message=f"the key {KEY} appears in a message")
    failed = await failure(gemini)
    assert (failed.reason, failed.retryable) == end
    assert failed.retry_after_s is None
    assert advice in str(failed) and str(code) in str(failed) and "appears in a message" in str(failed)
    assert len(gemini.asked) == 1, "only the engine retries"


async def test_a_wrong_key_is_not_mistaken_for_a_bad_request(gemini: Gemini) -> None:
    info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
    gemini.reply = error(400, "INVALID_ARGUMENT", info)
    assert "HERALD_GEMINI_API_KEY" in str(await failure(gemini))


@pytest.mark.parametrize(
    ("reply", "delay_s"),
    [
        (
            error(
                429, "RESOURCE_EXHAUSTED", {"@type": "other"}, {"@type": RETRY_INFO, "retryDelay": "17.5s"}
            ),
            17.5,
        ),
        (error(503, "UNAVAILABLE", retry_after="9"), 9),
        (
            error(429, "RESOURCE_EXHAUSTED", {"@type": RETRY_INFO, "retryDelay": "soon"}, retry_after="-1"),
            None,
        ),
    ],
)
async def test_the_requested_delay_before_a_retry_is_read(
    gemini: Gemini, reply: Reply, delay_s: float | None
) -> None:
    gemini.reply = reply
    assert (await failure(gemini)).retry_after_s == delay_s


def in_stream(*chunks: dict[str, Any]) -> Reply:
    return lambda _: stream(*chunks)


ERROR_IN_STREAM = {"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}}


@pytest.mark.parametrize(
    ("reply", "reason", "retryable"),
    [
        (in_stream(chunk("{", finishReason="SAFETY")), EndReason.SAFETY, FAIL),
        (in_stream({"promptFeedback": {"blockReason": "SAFETY"}}), EndReason.SAFETY, FAIL),
        (in_stream(chunk(finishReason="PROHIBITED_CONTENT")), EndReason.SAFETY, FAIL),
        (in_stream(chunk('{"word":', finishReason="MAX_TOKENS")), EndReason.BAD_OUTPUT, FAIL),
        (in_stream({"candidates": []}), EndReason.BAD_OUTPUT, FAIL),
        (in_stream(chunk(finishReason="STOP")), EndReason.BAD_OUTPUT, FAIL),
        (in_stream(chunk("{", finishReason="OTHER")), EndReason.BAD_OUTPUT, RETRY),
        (in_stream(chunk('{"word":')), EndReason.PROVIDER_ERROR, RETRY),
        (in_stream(), EndReason.PROVIDER_ERROR, RETRY),
        (in_stream(chunk("{"), ERROR_IN_STREAM), EndReason.PROVIDER_ERROR, RETRY),
        (lambda _: sse('{"candidates": [{"content'), EndReason.PROVIDER_ERROR, RETRY),
        (lambda _: sse("<html>", "[1]"), EndReason.PROVIDER_ERROR, RETRY),
        (cut(), EndReason.PROVIDER_ERROR, RETRY),
        (cut('{"word":'), EndReason.PROVIDER_ERROR, RETRY),
    ],
)
async def test_a_stream_without_a_complete_answer_is_an_error(
    gemini: Gemini, reply: Reply, reason: EndReason, retryable: bool
) -> None:
    gemini.reply = reply
    failed = await failure(gemini)
    assert (failed.reason, failed.retryable) == (reason, retryable), str(failed)
    if not retryable:
        assert "retry" in str(failed), "the advice is missing"


async def test_a_silent_or_unreachable_server_is_an_error(gemini: Gemini) -> None:
    gemini.reply = slowly("{", end=False)
    failed = await failure(gemini, gemini_timeout_s=0.2)
    assert (failed.reason, failed.retryable) == (EndReason.TIMEOUT, True)
    failed = await failure("http://127.0.0.1:1")
    assert (failed.reason, failed.retryable) == (EndReason.PROVIDER_ERROR, True)
