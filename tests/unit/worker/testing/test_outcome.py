"""What a test sees of a task: steps, progress, events, drafts and emitted data."""

from herald import Context, task
from herald.testing import StepRun, StreamedDraft, run
from tests.unit.worker.testing.press_release import NEWS, News, find_slogan, write_press_release


async def test_steps_have_their_names_statuses_and_attempts() -> None:
    done = await run(write_press_release, NEWS)
    assert list(done.steps.values()) == [
        StepRun("Finding the angle", "completed", [1]),
        StepRun("Writing", "completed", [1, 1, 1]),
    ]


async def test_a_step_that_failed_is_shown_as_failed() -> None:
    @task("FAIL", retries=0)
    async def fail(ctx: Context, news: News) -> int:
        return await ctx.step("Dividing", divide, len(news.company))

    failed = await run(fail, NEWS)
    assert failed.steps == {"Dividing": StepRun("Dividing", "failed", [1])}


def divide(number: int) -> int:
    return number // 0


async def test_progress_grows_to_100() -> None:
    progress = (await run(write_press_release, NEWS)).progress
    assert progress[0] == 0 and progress[-1] == 100
    assert progress == sorted(set(progress))


async def test_reported_progress_is_recorded_however_fast_it_comes() -> None:
    @task("COUNT")
    async def count(ctx: Context, _: News) -> int:
        for number in range(1, 5):
            ctx.progress(number / 4)
            ctx.emit("count", {"number": number})
        return 4

    done = await run(count, NEWS)
    assert done.progress == [0, 25, 50, 75, 99, 100]
    assert done.emitted == [("count", {"number": number}) for number in range(1, 5)]
    assert done.task.emitted == {"count": {"number": 4}}


async def test_events_are_those_that_clients_receive() -> None:
    events = (await run(write_press_release, NEWS)).events
    assert [events[0].type, events[-1].type] == ["task.processing", "task.completed"]
    assert events[-1].task.result is not None
    assert {event.type for event in events[1:-1]} <= {"task.step", "task.progress"}


async def test_drafts_are_joined_and_a_repaired_answer_is_one_of_its_own() -> None:
    done = await run(find_slogan, NEWS, model=["nonsense", {"text": "Warm"}])
    assert done.drafts == [
        StreamedDraft(1, "Slogan", "Slogan", "nonsense"),
        StreamedDraft(1, "Slogan", "Slogan", '{"text": "Warm"}'),
    ]


async def test_text_that_the_code_streams_is_a_draft() -> None:
    @task("STREAM")
    async def stream(ctx: Context, news: News) -> str:
        async with ctx.draft("release") as draft:
            for word in news.headline.split():
                draft.write(f"{word} ")
        return news.headline

    [draft] = (await run(stream, NEWS)).drafts
    assert (draft.part, draft.text) == ("release", "The kiln is lit ")


async def test_a_run_is_summarised_in_one_line() -> None:
    assert repr(await run(find_slogan, NEWS)) == "<TestRun FIND_SLOGAN: completed in attempt 1>"
