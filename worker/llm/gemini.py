"""Gemini, through google-genai's asynchronous client."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from google import genai
from google.genai import errors, types

from shared.models import EndReason, Usage
from shared.settings import Settings
from worker.llm.provider import OnText, Prompt, ProviderError

TOO_MANY_REQUESTS = 429
MAY_HEAL = {408, TOO_MANY_REQUESTS, 500, 502, 503, 504}
UNSAFE = {
    types.FinishReason.SAFETY,
    types.FinishReason.PROHIBITED_CONTENT,
    types.FinishReason.BLOCKLIST,
    types.FinishReason.SPII,
    types.FinishReason.RECITATION,
}


class GeminiProvider:
    """Streams answers as JSON of the prompt's schema."""

    def __init__(self, client: genai.Client, model: str) -> None:
        self._client = client
        self._model = model

    @classmethod
    @asynccontextmanager
    async def connect(cls, settings: Settings) -> AsyncIterator["GeminiProvider"]:
        """A provider with the key, address, model and timeout of ``settings``."""
        assert settings.gemini_api_key is not None  # noqa: S101  the caller has chosen us for it
        options = types.HttpOptions(
            base_url=settings.gemini_base_url,
            timeout=round(settings.gemini_timeout_s * 1000),
            retry_options=types.HttpRetryOptions(attempts=1),  # the task's life decides when to try again
        )
        client = genai.Client(api_key=settings.gemini_api_key.get_secret_value(), http_options=options)
        try:
            yield cls(client, settings.gemini_model)
        finally:
            await client.aio.aclose()
            client.close()

    async def write(self, prompt: Prompt[Any], on_text: OnText) -> tuple[str, Usage]:
        """The model's answer, streamed."""
        config = types.GenerateContentConfig(
            system_instruction=prompt.instructions,
            response_mime_type="application/json",
            response_json_schema=prompt.schema.model_json_schema(),
        )
        text = ""
        usage = Usage(provider="gemini", model=self._model)
        finish: types.FinishReason | None = None
        try:
            stream = await self._client.aio.models.generate_content_stream(
                model=self._model, contents=json.dumps(prompt.data, ensure_ascii=False), config=config
            )
            async for chunk in stream:
                if chunk.prompt_feedback is not None and chunk.prompt_feedback.block_reason:
                    raise _unsafe(chunk.prompt_feedback.block_reason)
                piece, finished = _piece(chunk)
                finish = finished or finish
                usage = _usage(chunk, usage)
                if piece:
                    text += piece
                    on_text(piece)
        except errors.APIError as error:
            raise _of_api(error) from error
        except httpx2.TimeoutException as error:
            raise ProviderError(
                "Gemini took too long to answer", EndReason.TIMEOUT, retryable=True
            ) from error
        except httpx2.HTTPError as error:
            message = f"the connection to Gemini broke: {error or type(error).__name__}"
            raise ProviderError(message, EndReason.PROVIDER_ERROR, retryable=True) from error
        if finish in UNSAFE:
            raise _unsafe(finish)
        if finish is not types.FinishReason.STOP:
            reason = finish.value if finish else "no reason given"
            message = f"Gemini stopped before the end of its answer ({reason})"
            raise ProviderError(message, EndReason.BAD_OUTPUT, retryable=True)
        return text, usage


def _piece(chunk: types.GenerateContentResponse) -> tuple[str, types.FinishReason | None]:
    """The answer's text in a chunk, without the model's thoughts, and why it ended if it did."""
    if not chunk.candidates:
        return "", None
    candidate = chunk.candidates[0]
    parts = (candidate.content.parts if candidate.content else None) or []
    return "".join(part.text for part in parts if part.text and not part.thought), candidate.finish_reason


def _usage(chunk: types.GenerateContentResponse, before: Usage) -> Usage:
    """The usage so far; each chunk reports the running total of its call."""
    counts = chunk.usage_metadata
    if counts is None:
        return before
    written = (counts.candidates_token_count or 0) + (counts.thoughts_token_count or 0)
    return before.model_copy(
        update={
            "input_tokens": counts.prompt_token_count or before.input_tokens,
            "output_tokens": max(written, before.output_tokens),
        }
    )


def _unsafe(reason: Any) -> ProviderError:
    return ProviderError(
        f"Gemini declined for safety reasons ({getattr(reason, 'value', reason)}); change the input",
        EndReason.SAFETY,
        retryable=False,
    )


def _of_api(error: errors.APIError) -> ProviderError:
    message = f"Gemini: {error.message or error.status or 'error'} ({error.code})"
    if error.code == TOO_MANY_REQUESTS:
        return ProviderError(message, EndReason.QUOTA, retryable=True, retry_after_s=_retry_delay_s(error))
    return ProviderError(message, EndReason.PROVIDER_ERROR, retryable=error.code in MAY_HEAL)


def _retry_delay_s(error: errors.APIError) -> float | None:
    """The ``retryDelay`` of the error's google.rpc.RetryInfo, such as ``"17s"``."""
    details = error.details if isinstance(error.details, dict) else {}
    for detail in details.get("error", details).get("details", []):
        delay = detail.get("retryDelay") if isinstance(detail, dict) else None
        if isinstance(delay, str) and delay.endswith("s"):
            try:
                return float(delay[:-1])
            except ValueError:
                return None
    return None
