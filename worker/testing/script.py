"""A model that gives scripted answers, or the offline drafts of the prompts."""

import json
from collections.abc import AsyncGenerator, Sequence
from typing import Any

from pydantic import BaseModel

from herald.shared.task_api.prompt import Prompt
from herald.shared.tasks.models import Usage
from herald.worker.llm.offline import USAGE as OFFLINE
from herald.worker.llm.provider import Piece
from herald.worker.testing.halt import Halt

SCRIPTED = Usage(provider="scripted", model="test")


class ScriptedModel:
    """Answers each prompt with the next entry of a script; with an empty script, with the prompt's draft.

    Args:
        script: the answers in the order of the prompts: models, JSON values, JSON text, or exceptions to
            raise.
    """

    def __init__(self, script: Sequence[Any]) -> None:
        self.asked: list[Prompt[Any]] = []
        self.halt: Halt
        """Ends the test run if there is no answer."""
        self._script = list(script)
        self._is_scripted = bool(self._script)

    async def write(self, prompt: Prompt[Any]) -> AsyncGenerator[Piece, None]:
        """The answer to ``prompt``, in one piece."""
        self.asked.append(prompt)
        if not self._is_scripted:
            yield Piece(await self._draft(prompt), OFFLINE)
            return
        if not self._script:
            await self.halt.here(
                AssertionError(
                    f"model=[…] has no answer left for prompt {len(self.asked)}, which asks for "
                    f"{prompt.schema.__name__}: {_start(prompt.instructions)}"
                )
            )
        answer = self._script.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        yield Piece(_text(answer), SCRIPTED)

    async def _draft(self, prompt: Prompt[Any]) -> str:
        if prompt.draft is None:
            await self.halt.here(
                AssertionError(
                    f"the prompt for {prompt.schema.__name__} has no draft; pass model=[…] with an answer: "
                    f"{_start(prompt.instructions)}"
                )
            )
        text: str = prompt.draft().model_dump_json(by_alias=True)
        return text


def _text(answer: Any) -> str:
    if isinstance(answer, BaseModel):
        return answer.model_dump_json(by_alias=True)
    return answer if isinstance(answer, str) else json.dumps(answer)


def _start(text: str) -> str:
    return repr(text if len(text) <= 80 else f"{text[:80]}…")  # noqa: PLR2004
