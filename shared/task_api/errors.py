"""The exceptions that end or repeat an attempt, and the one for wrong uses of the task API."""

from herald.shared.tasks.models import EndReason


class Retry(Exception):  # noqa: N818  reads as an instruction
    """Raise it to end this attempt and try again later, within the task type's ``retries``.

    Any other exception except `Fail` does the same; ``Retry`` lets you choose the delay and show a message.

    Args:
        message: shown to the user as the task's last error.
        after: the delay before the next attempt, in seconds; by default the task type's backoff.
    """

    def __init__(self, message: str = "", *, after: float | None = None) -> None:
        if not isinstance(after, int | float | None):
            raise MisuseError(f"Retry(after=…) takes a number of seconds; got {after!r}")
        super().__init__(message)
        self.message = str(message)
        self.after = after


class Fail(Exception):  # noqa: N818  reads as an instruction
    """Raise it to fail the task at once, because another attempt would not help.

    Args:
        message: what went wrong, and what the user can do about it; shown as the task's last error.
        reason: the task's ``endReason``, for programs.
    """

    def __init__(self, message: str, *, reason: str = "failed") -> None:
        super().__init__(message)
        self.message = str(message)
        self.reason = str(reason)


class MisuseError(TypeError):
    """The task's code uses the task API in a way that cannot work; the message says how to correct it.

    It fails the task at once: another attempt would do the same.
    """


class ModelError(Exception):
    """The model gave no usable answer to `Context.ask_model`. The message says what the user can do.

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
