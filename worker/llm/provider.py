"""What a generator asks of a language model, and what it gets back."""

from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from pydantic import ValidationError

from herald.shared.tasks.models import EndReason, Model, Usage

AnswerT = TypeVar("AnswerT", bound=Model)

MAX_FAULTS = 10
"""So many faults of one answer are told to the model, and to people."""


class ProviderError(Exception):
    """The model gave no usable answer; the message tells the task's owner what to do."""

    def __init__(
        self, message: str, reason: EndReason, *, retryable: bool, retry_after_s: float | None = None
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.retryable = retryable
        self.retry_after_s = retry_after_s
        """The provider's own wish, in seconds."""


class UnfitError(Exception):
    """An answer is not what the prompt asked for; ``faults`` says what is wrong, a line each."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


class Rejected(NamedTuple):
    """An earlier answer to the same prompt, and what was wrong with it."""

    text: str
    faults: Sequence[str]


class Piece(NamedTuple):
    """A further piece of an answer."""

    text: str
    usage: Usage
    """What the call has used so far."""


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
    """An answer by rules, for when there is no model; it also tells how long an answer may be expected."""
    faults: Callable[[AnswerT], Iterable[str]] = lambda _: ()
    """What is wrong with an answer that has the shape, a line each."""
    rejected: Rejected | None = None
    """Set where this is the second try."""

    def parse(self, text: str) -> AnswerT:
        """The answer that a model wrote as JSON.

        Raises:
            UnfitError: it is not of the schema, or has other faults.
        """
        try:
            answer = self.schema.model_validate_json(text)
        except ValidationError as error:
            raise UnfitError([_readable(fault) for fault in error.errors()[:MAX_FAULTS]]) from None
        if faults := list(self.faults(answer))[:MAX_FAULTS]:
            raise UnfitError(faults)
        return answer

    def again(self, text: str, faults: Sequence[str]) -> "Prompt[AnswerT]":
        """The same question, with an answer that was not good enough."""
        return replace(self, rejected=Rejected(text, faults))


class Provider(Protocol):
    """A language model."""

    def write(self, prompt: Prompt[Any]) -> AsyncGenerator[Piece, None]:
        """The answer to ``prompt`` as JSON text, piece by piece; closing the generator breaks the call off.

        Raises:
            ProviderError: there is no answer.
        """


def _readable(fault: Any) -> str:
    where = ".".join(map(str, fault["loc"])) or "the answer"
    return f"{where}: {fault['msg']}"
