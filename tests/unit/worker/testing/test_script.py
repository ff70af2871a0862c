"""The model's answers in tests: scripted, or the drafts of the prompts."""

from typing import Any

import pytest

from herald import Context, ModelError, Prompt, task
from herald.shared.tasks.models import EndReason
from herald.testing import run
from tests.unit.worker.testing.press_release import NEWS, News, Slogan, find_slogan

BUSY = ModelError("The model is busy", EndReason.QUOTA, retryable=True)


async def test_without_a_script_prompts_are_answered_by_their_drafts() -> None:
    done = await run(find_slogan, NEWS)
    assert done.result == Slogan(text="Northlight, of course")
    assert done.task.usage is not None and done.task.usage.provider == "offline"


@pytest.mark.parametrize("answer", [Slogan(text="Warm"), {"text": "Warm"}, '{"text": "Warm"}'])
async def test_an_answer_may_be_a_model_a_mapping_or_text(answer: Any) -> None:
    done = await run(find_slogan, NEWS, model=[answer])
    assert done.result == Slogan(text="Warm")
    assert [prompt.schema for prompt in done.prompts] == [Slogan]


@pytest.mark.parametrize("invalid", ["not JSON", {"words": 3}, Slogan(text="x")])
async def test_an_invalid_answer_is_sent_back_once(invalid: Any) -> None:
    done = await run(find_slogan, NEWS, model=[invalid, Slogan(text="Warm")])
    assert done.result == Slogan(text="Warm")
    assert [prompt.rejected is not None for prompt in done.prompts] == [False, True]


async def test_an_exception_in_the_script_is_raised_by_the_model() -> None:
    done = await run(find_slogan, NEWS, model=[BUSY, {"text": "Warm"}])
    assert done.result == Slogan(text="Warm")
    assert (done.task.attempt, done.errors) == (2, [BUSY])


async def test_a_prompt_beyond_the_script_is_an_error_even_if_the_code_catches_everything() -> None:
    @task("CAREFUL")
    async def careful(ctx: Context, _: News) -> str:
        try:
            for _question in range(2):
                await ctx.ask_model(Prompt("Say something.", {}, Slogan))
        except BaseException:
            return "caught"
        return "answered"

    with pytest.raises(
        AssertionError, match="no answer left for prompt 2, which asks for Slogan: 'Say something"
    ):
        await run(careful, NEWS, model=[{"text": "Warm"}])


async def test_a_prompt_without_a_draft_needs_a_script() -> None:
    @task("NO_DRAFT")
    async def no_draft(ctx: Context, _: News) -> Slogan:
        return await ctx.ask_model(Prompt("Say something.", {}, Slogan))

    with pytest.raises(AssertionError, match=r"the prompt for Slogan has no draft; pass model=\[…\]"):
        await run(no_draft, NEWS)
