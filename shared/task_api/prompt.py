"""A question to a language model, and what makes an answer to it valid."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

AnswerT = TypeVar("AnswerT", bound=BaseModel)

MAX_FAULTS = 10
"""How many faults of an answer are reported to the model, and to the user."""


class InvalidAnswerError(Exception):
    """An answer does not fit its prompt; ``faults`` has one line per fault."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


class Rejected(NamedTuple):
    """An earlier answer to the same prompt, and its faults."""

    text: str
    faults: Sequence[str]


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
            InvalidAnswerError: it does not match the schema, or has other faults.
        """
        try:
            answer = self.schema.model_validate_json(text)
        except ValidationError as error:
            raise InvalidAnswerError([_readable(fault) for fault in error.errors()[:MAX_FAULTS]]) from None
        if faults := list(self.faults(answer))[:MAX_FAULTS]:
            raise InvalidAnswerError(faults)
        return answer

    def again(self, text: str, faults: Sequence[str]) -> "Prompt[AnswerT]":
        """The same question again, with the answer that did not fit and its faults."""
        return replace(self, rejected=Rejected(text, faults))


def _readable(fault: Any) -> str:
    where = ".".join(map(str, fault["loc"])) or "the answer"
    return f"{where}: {fault['msg']}"
