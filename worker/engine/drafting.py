"""Drafts that the code of a task writes itself."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from herald.shared.task_api.context import DraftWriter
from herald.worker.engine.drafts import Draft
from herald.worker.engine.run import Run
from herald.worker.engine.text import storable


class _Writer:
    """Writes a draft; it implements `DraftWriter`."""

    def __init__(self, run: Run, draft: Draft) -> None:
        self._run = run
        self._draft = draft

    def write(self, text: str) -> None:
        """See `DraftWriter`."""
        self._run.check()
        shown = storable(text)
        self._run.on_loop(lambda: self._draft.add(shown))


@asynccontextmanager
async def drafting(run: Run, step: str, part: str | None) -> AsyncIterator[DraftWriter]:
    """A draft of a step that the block writes."""
    run.check_awaited("draft")
    draft = run.journal.drafts.begin(step, part)
    try:
        yield _Writer(run, draft)
    finally:
        run.journal.drafts.finish(draft)
