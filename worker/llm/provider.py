"""The interface to language models: prompts, answers and errors."""

from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from pydantic import ValidationError

from herald.shared.tasks.models import EndReason, Model, Usage

AnswerT = TypeVar("AnswerT", bound=Model)

MAX_FAULTS = 10
"""How many faults of an answer are reported to the model, and to the user."""


class ProviderError(Exception):
    """The model gave no usable answer. The message says what the user can do.

    Args:
        message: what went wrong, and what to do about it.
        reason: the task's end reason, if this failure ends it.
        retryable: whether the same prompt may succeed later.
        retry_after_s: how long the provider asks to wait before a retry, in seconds.
    """

    def __init__(
        self, message: str, reason: EndReason, *, retryable: bool, retry_after_s: float | None = None
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.retryable = retryable
        self.retry_after_s = retry_after_s


class UnfitError(Exception):
    """An answer does not fit its prompt; ``faults`` has one line per fault."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


class Rejected(NamedTuple):
    """An earlier answer to the same prompt, and its faults."""

    text: str
    faults: Sequence[str]


class Piece(NamedTuple):
    """The next piece of an answer."""

    text: str
    usage: Usage
    """The total usage of the call so far."""


@dataclass(frozen=True)
class Prompt(Generic[AnswerT]):
    """One question to a model.

    ``draft`` and ``faults`` are optional; pass them by keyword.
    """

    instructions: str
    """What to do. Never contains the user's words."""
    data: dict[str, Any]
    """The user's input and the answers of earlier steps, as JSON values."""
    schema: type[AnswerT]
    """The shape of the answer."""
    draft: Callable[[], AnswerT] | None = None
    """Writes an answer by rules. The offline provider needs it. If there is one, an answer is expected to be
    as long as the draft; otherwise as long as earlier answers of the same step."""
    faults: Callable[[AnswerT], Iterable[str]] = lambda _: ()
    """Checks what the schema cannot express; returns one line for each fault of an answer."""
    rejected: Rejected | None = None
    """The first answer, when the model is asked a second time."""

    def parse(self, text: str) -> AnswerT:
        """The answer that a model wrote as JSON.

        Raises:
            UnfitError: it does not match the schema, or has other faults.
        """
        try:
            answer = self.schema.model_validate_json(text)
        except ValidationError as error:
            raise UnfitError([_readable(fault) for fault in error.errors()[:MAX_FAULTS]]) from None
        if faults := list(self.faults(answer))[:MAX_FAULTS]:
            raise UnfitError(faults)
        return answer

    def again(self, text: str, faults: Sequence[str]) -> "Prompt[AnswerT]":
        """The same question again, with the answer that did not fit and its faults."""
        return replace(self, rejected=Rejected(text, faults))


class Provider(Protocol):
    """A language model."""

    def write(self, prompt: Prompt[Any]) -> AsyncGenerator[Piece, None]:
        """Stream the answer to ``prompt`` as JSON text. Closing the generator cancels the call.

        Raises:
            ProviderError: there is no usable answer.
        """


def _readable(fault: Any) -> str:
    where = ".".join(map(str, fault["loc"])) or "the answer"
    return f"{where}: {fault['msg']}"
