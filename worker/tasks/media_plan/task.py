"""``GENERATE_MEDIA_PLAN``: a strategy and a dated calendar of posts from an objective and keywords."""

from herald import Context, Fail, task
from herald.worker.tasks.media_plan.answers import KeywordGroup, Strategy, Week
from herald.worker.tasks.media_plan.assembly import assemble_plan
from herald.worker.tasks.media_plan.checks import plan_faults, repeated_titles
from herald.worker.tasks.media_plan.payload import MediaPlanPayload
from herald.worker.tasks.media_plan.prompts import keywords_prompt, strategy_prompt, week_prompt
from herald.worker.tasks.media_plan.result import MediaPlan


@task(
    "GENERATE_MEDIA_PLAN",
    steps=["Analyzing keywords", "Drafting strategy", "Writing posts", "Checking the plan"],
    title="{objective}",
)
async def generate_media_plan(ctx: Context, brief: MediaPlanPayload) -> MediaPlan:
    """A strategy and a dated calendar of posts."""
    groups = await ctx.step("Analyzing keywords", group_keywords, ctx, brief)
    strategy = await ctx.step("Drafting strategy", write_strategy, ctx, brief, groups)
    numbers = range(1, brief.settings.weeks + 1)
    weeks = await ctx.map("Writing posts", write_week, numbers, ctx, brief, groups, strategy)
    return await ctx.step("Checking the plan", check_plan, ctx, brief, groups, strategy, weeks)


async def group_keywords(ctx: Context, brief: MediaPlanPayload) -> list[KeywordGroup]:
    """Group the keywords by what people look for."""
    answer = await ctx.ask_model(keywords_prompt(brief))
    return answer.groups


async def write_strategy(ctx: Context, brief: MediaPlanPayload, groups: list[KeywordGroup]) -> Strategy:
    """Choose channels, and a theme for each week."""
    return await ctx.ask_model(strategy_prompt(brief, groups))


async def write_week(
    number: int, ctx: Context, brief: MediaPlanPayload, groups: list[KeywordGroup], strategy: Strategy
) -> Week:
    """Write the posts of one week."""
    return await ctx.ask_model(week_prompt(brief, groups, strategy, number), part=f"week {number}")


async def check_plan(
    ctx: Context,
    brief: MediaPlanPayload,
    groups: list[KeywordGroup],
    strategy: Strategy,
    weeks: list[Week],
) -> MediaPlan:
    """Put the plan together. Weeks that repeat an earlier one are written again.

    Weeks are written concurrently, so the model cannot see the others.
    """
    accepted: list[Week] = []
    for number, week in enumerate(weeks, 1):
        earlier = [post for before in accepted for post in before.posts]
        if repeated_titles(week.posts, earlier):
            prompt = week_prompt(brief, groups, strategy, number, earlier)
            accepted.append(await ctx.ask_model(prompt, part=f"week {number}"))
        else:
            accepted.append(week)
    plan = assemble_plan(brief, groups, strategy, accepted, ctx.task.created_at.date())
    if faults := list(plan_faults(plan, brief)):
        raise Fail(
            f"The media plan is inconsistent: {'; '.join(faults)}. Retry, or change the input",
            reason="badOutput",
        )
    return plan
