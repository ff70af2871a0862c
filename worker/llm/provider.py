"""What a generator asks of a language model, and what it gets back."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from pydantic import ValidationError

from shared.models import EndReason, Model, Usage

AnswerT = TypeVar("AnswerT", bound=Model)

OnText = Callable[[str], None]
"""Called with each further piece of the answer's text as it is written."""


class ProviderError(Exception):
    """The model gave no usable answer; the message is meant for the task's owner."""

    def __init__(
        self, message: str, reason: EndReason, *, retryable: bool, retry_after_s: float | None = None
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.retryable = retryable
        self.retry_after_s = retry_after_s
        """The provider's own wish, in seconds."""


@dataclass(frozen=True)
class Prompt(Generic[AnswerT]):
    """One question to a model."""

    instructions: str
    """What to do; ours alone, never the user's words."""
    data: dict[str, Any]
    """The user's input and what earlier steps found, as JSON values."""
    schema: type[AnswerT]
    """The answer's shape."""
    draft: Callable[[], AnswerT]
    """An answer by rules, for when there is no model."""

    def parse(self, text: str) -> AnswerT:
        """The answer that a model wrote as JSON.

        Raises:
            ProviderError: it is not of the schema; another try may give a better one.
        """
        try:
            return self.schema.model_validate_json(text)
        except ValidationError as error:
            fault = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, fault["loc"])) or "the whole"
            raise ProviderError(
                f"the model's answer does not fit: {where}: {fault['msg']}",
                EndReason.BAD_OUTPUT,
                retryable=True,
            ) from None


class Provider(Protocol):
    """A language model."""

    async def write(self, prompt: Prompt[Any], on_text: OnText) -> tuple[str, Usage]:
        """The answer to ``prompt`` as JSON text, and what it used.

        Raises:
            ProviderError: there is no answer.
        """
