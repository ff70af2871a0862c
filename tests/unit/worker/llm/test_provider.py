"""Prompts and how their answers are checked, and the offline provider."""

import pytest

from herald.shared.task_api.errors import ModelError
from herald.shared.task_api.prompt import InvalidAnswerError, Prompt
from herald.shared.tasks.models import EndReason, Model
from herald.worker.llm.offline import OfflineProvider


class Word(Model):
    word: str


def test_a_prompt_needs_neither_a_draft_nor_a_check() -> None:
    prompt = Prompt("Say a word.", {}, Word)
    assert prompt.draft is None
    assert prompt.parse('{"word":"tea"}') == Word(word="tea")


def test_an_answer_is_checked_against_the_schema_and_the_prompt_s_own_rules() -> None:
    prompt = Prompt("Say a word.", {}, Word, faults=lambda answer: ["too short"] * (len(answer.word) < 3))
    assert prompt.parse('{"word":"tea"}') == Word(word="tea")
    for text, fault in (
        ('{"word":"a"}', "too short"),
        ('{"word":3}', "word: Input should be a valid string"),
    ):
        with pytest.raises(InvalidAnswerError) as unfit:
            prompt.parse(text)
        assert unfit.value.faults == [fault]


async def test_the_offline_provider_streams_the_draft() -> None:
    prompt = Prompt("Say a word.", {}, Word, draft=lambda: Word(word="cup of tea"))
    pieces = [piece.text async for piece in OfflineProvider(0).write(prompt)]
    assert pieces == ['{"word":"cup ', "of ", 'tea"}']


async def test_the_offline_provider_says_what_to_do_without_a_draft() -> None:
    with pytest.raises(ModelError) as failed:
        _ = [piece async for piece in OfflineProvider(0).write(Prompt("Say a word.", {}, Word))]
    assert (failed.value.reason, failed.value.retryable) == (EndReason.PROVIDER_ERROR, False)
    assert "Word" in str(failed.value) and "HERALD_GEMINI_API_KEY" in str(failed.value)
