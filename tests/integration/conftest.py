"""Fixtures of the integration tests."""

from typing import Any

import pytest

from herald.shared.feed.feed import Feed
from herald.shared.settings import Settings
from herald.shared.tasks.store import Store
from herald.worker.engine.attempt import Parts
from tests.support.worker import Answer, MakeParts, ScriptedProvider, parts_of


@pytest.fixture
def parts(settings: Settings, store: Store, feed: Feed) -> MakeParts:
    """Makes the parts of a worker from its model's answers; ``changes`` are settings."""

    def make(*script: Answer | Exception, worker_id: str = "w1", **changes: Any) -> Parts:
        chosen = settings.model_copy(update=changes)
        return parts_of(chosen, store, feed, ScriptedProvider(*script), worker_id)

    return make
