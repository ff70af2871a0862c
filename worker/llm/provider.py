"""The interface to language models: an answer arrives in pieces."""

from collections.abc import AsyncGenerator
from typing import Any, NamedTuple, Protocol

from herald.shared.task_api.prompt import Prompt
from herald.shared.tasks.models import Usage


class Piece(NamedTuple):
    """The next piece of an answer."""

    text: str
    usage: Usage
    """The total usage of the call so far."""


class Provider(Protocol):
    """A language model."""

    def write(self, prompt: Prompt[Any]) -> AsyncGenerator[Piece, None]:
        """Stream the answer to ``prompt`` as JSON text. Closing the generator cancels the call.

        Raises:
            ModelError: there is no usable answer.
        """
