"""The expected length of an answer: that of its draft, or else of earlier answers."""

import json

from herald.shared.feed.feed import Feed
from herald.shared.queue.recent_values import RecentValues
from herald.shared.settings import Settings
from herald.shared.task_api.prompt import Prompt
from herald.shared.tasks.models import Model
from herald.worker.engine.answer_lengths import DEFAULT_LENGTH, AnswerLengths


class Text(Model):
    text: str


WITHOUT_DRAFT = Prompt("Write.", {}, Text)
DRAFT = Text(text="x" * 100)
WITH_DRAFT = Prompt("Write.", {}, Text, draft=lambda: DRAFT)


async def test_the_length_of_answers_without_a_draft_is_learned(feed: Feed) -> None:
    lengths = AnswerLengths(RecentValues(feed.redis))
    for length in (400, 5000):
        assert await lengths.expected("T", "Write week 1", WITHOUT_DRAFT) == DEFAULT_LENGTH
        await lengths.record("T", "Write week 1", WITHOUT_DRAFT, length)
    await lengths.record("T", "Write week 2", WITHOUT_DRAFT, 600)
    elsewhere = AnswerLengths(RecentValues(feed.redis))
    assert await elsewhere.expected("T", "Write week 3", WITHOUT_DRAFT) == 600, "it is the median"
    assert await elsewhere.expected("T", "Plan", WITHOUT_DRAFT) == DEFAULT_LENGTH
    assert await elsewhere.expected("U", "Write week 3", WITHOUT_DRAFT) == DEFAULT_LENGTH


async def test_an_answer_with_a_draft_is_expected_to_be_as_long_as_the_draft(feed: Feed) -> None:
    lengths = AnswerLengths(RecentValues(feed.redis))
    for _ in range(3):
        await lengths.record("T", "Write", WITH_DRAFT, 5000)
    assert await lengths.expected("T", "Write", WITH_DRAFT) == len(
        json.dumps(DRAFT.wire(), separators=(",", ":"))
    )
    assert await feed.redis.keys("herald:lengths:*") == [], "lengths are only recorded without a draft"


async def test_without_redis_the_default_length_is_expected(settings: Settings) -> None:
    async with Feed.connect(settings.model_copy(update={"redis_url": "redis://127.0.0.1:1"})) as nowhere:
        lengths = AnswerLengths(RecentValues(nowhere.redis))
        await lengths.record("T", "Write", WITHOUT_DRAFT, 5)
        assert await lengths.expected("T", "Write", WITHOUT_DRAFT) == DEFAULT_LENGTH
