"""``GENERATE_MEDIA_PLAN``: a strategy and a dated calendar of posts from an objective and keywords."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from herald.shared.task_api.errors import ModelError
from herald.shared.task_api.prompt import Prompt
from herald.shared.tasks.models import EndReason
from herald.shared.tasks.task_types import MediaPlanPayload
from herald.worker.tasks.base import PlannedStep, Result, RunningStep, Steps, document
from herald.worker.tasks.media_plan.answers import KeywordGroup, KeywordGroups, Post, Strategy, Week
from herald.worker.tasks.media_plan.assembly import assemble_plan
from herald.worker.tasks.media_plan.checks import plan_faults, repeated_titles
from herald.worker.tasks.media_plan.draft import draft_groups, draft_strategy, draft_week
from herald.worker.tasks.words import counted, plain, unique

KEYWORDS, STRATEGY, POSTS, CHECK = (
    "Analyzing keywords",
    "Drafting strategy",
    "Writing posts",
    "Checking the plan",
)
ROLE = "You are a media planner."
STYLE = "Write in the language and tone that the brief asks for."


class MediaPlanGenerator:
    """Asks for keyword groups, then for the strategy, then for the posts of all weeks concurrently."""

    task_type = "GENERATE_MEDIA_PLAN"

    def plan(self, payload: MediaPlanPayload) -> Sequence[PlannedStep]:
        """Return four steps; the posts take longer the more weeks there are."""
        weeks = payload.settings.weeks
        return [
            PlannedStep(KEYWORDS, 2),
            PlannedStep(STRATEGY, 3),
            PlannedStep(POSTS, 3 + weeks, parts=weeks),
            PlannedStep(CHECK, 1),
        ]

    async def generate(self, steps: Steps, payload: MediaPlanPayload) -> Result:
        """Return one document: keyword groups, strategy with budget, and calendar.

        Raises:
            ModelError: the finished plan breaks one of our rules.
        """
        async with steps.run(KEYWORDS) as step:
            groups = (await step.ask(keywords_prompt(payload))).groups
        async with steps.run(STRATEGY) as step:
            strategy = await step.ask(strategy_prompt(payload, groups))
        prompt_for = partial(week_prompt, payload, groups, strategy)
        async with steps.run(POSTS) as step:
            answers = await step.ask_each(
                {_part(number): prompt_for(number) for number in range(1, payload.settings.weeks + 1)}
            )
        async with steps.run(CHECK) as step:
            weeks = await _rewrite_repetitions(step, list(answers.values()), prompt_for)
            plan = assemble_plan(payload, groups, strategy, weeks, steps.task.created_at.date())
            if faults := list(plan_faults(plan, payload)):
                raise ModelError(
                    f"The media plan is inconsistent: {'; '.join(faults)}. Retry, or change the input",
                    EndReason.BAD_OUTPUT,
                    retryable=False,
                )
        task = steps.task
        return Result([document(task, plan)], {"mediaPlanGroupId": task.task_id})


def keywords_prompt(payload: MediaPlanPayload) -> Prompt[KeywordGroups]:
    """Ask for the keywords in groups; each keyword must be in exactly one."""

    def faults(answer: KeywordGroups) -> Iterator[str]:
        counts = Counter(plain(keyword) for group in answer.groups for keyword in group.keywords)
        expected = {plain(keyword) for keyword in payload.keywords}
        yield from (f"keyword {each!r} is missing" for each in sorted(expected - set(counts)))
        yield from (f"keyword {each!r} is not in the brief" for each in sorted(set(counts) - expected))
        yield from (f"keyword {each!r} is in several groups" for each, count in counts.items() if count > 1)

    return Prompt(
        f"{ROLE} Group the brief's keywords by search intent. Put each keyword, spelled exactly as in the "
        "brief, into exactly one group. Give each group a name, its intent, and the message that answers it. "
        f"{STYLE}",
        {"brief": payload.wire()},
        KeywordGroups,
        draft=lambda: draft_groups(payload),
        faults=faults,
    )


def strategy_prompt(payload: MediaPlanPayload, groups: Sequence[KeywordGroup]) -> Prompt[Strategy]:
    """Ask for the strategy; it must use the brief's channels and have a different theme for each week."""
    settings = payload.settings
    requested = unique(settings.channels)
    choice = "Use exactly the brief's channels" if requested else "Choose two to five channels"

    def faults(answer: Strategy) -> Iterator[str]:
        names = [channel.channel for channel in answer.channels]
        if requested and sorted(map(plain, names)) != sorted(map(plain, requested)):
            yield f"expected the channels {requested}, got {names}"
        if len(set(map(plain, names))) != len(names):
            yield "a channel is listed more than once"
        if len(answer.themes) != settings.weeks:
            yield f"expected {counted(settings.weeks, 'theme')}, got {len(answer.themes)}"
        if len(set(map(plain, answer.themes))) != len(answer.themes):
            yield "a theme is used more than once"

    return Prompt(
        f"{ROLE} Write the strategy for the brief and its keyword groups: a title, a summary and the "
        f"audience. {choice}, and give each one its role, its KPIs and its share of the budget. The plan "
        f"runs for {counted(settings.weeks, 'week')}; give each week a theme of its own. Say how success is "
        f"measured. {STYLE}",
        {"brief": payload.wire(), "groups": _wire(groups)},
        Strategy,
        draft=lambda: draft_strategy(payload, groups),
        faults=faults,
    )


def week_prompt(
    payload: MediaPlanPayload,
    groups: Sequence[KeywordGroup],
    strategy: Strategy,
    number: int,
    earlier: Sequence[Post] = (),
) -> Prompt[Week]:
    """Ask for the posts of week ``number``, counted from 1; none may repeat one of the ``earlier`` posts."""
    settings = payload.settings
    posts = counted(settings.posts_per_week, "post")
    channels = [channel.channel for channel in strategy.channels]

    def faults(answer: Week) -> Iterator[str]:
        if len(answer.posts) != settings.posts_per_week:
            yield f"expected {posts}, got {len(answer.posts)}"
        known = set(map(plain, channels))
        yield from (
            f"channel {each.channel!r} is not in the plan"
            for each in answer.posts
            if plain(each.channel) not in known
        )
        yield from (f"{title!r} repeats an earlier post" for title in repeated_titles(answer.posts, earlier))

    taken = [post.title for post in earlier]
    avoid = " Do not reuse any of the titles listed as taken." if taken else ""
    return Prompt(
        f"You are a copywriter. Write exactly {posts} for week {number} of {settings.weeks}. Stick to "
        "the week's theme, use the keywords, and spread the posts over the days of the week and the "
        "channels. Give each post a title, copy and a call to action, and hashtags on social channels only. "
        f"Never use the same title or copy twice.{avoid} {STYLE}",
        {
            "brief": payload.wire(),
            "groups": _wire(groups),
            "channels": channels,
            "theme": strategy.themes[number - 1],
            "otherThemes": [theme for week, theme in enumerate(strategy.themes, 1) if week != number],
            **({"taken": taken} if taken else {}),
        },
        Week,
        draft=lambda: draft_week(payload, groups, channels, number),
        faults=faults,
    )


def _wire(groups: Sequence[KeywordGroup]) -> list[dict[str, Any]]:
    return [group.wire() for group in groups]


def _part(week: int) -> str:
    return f"week {week}"


async def _rewrite_repetitions(
    step: RunningStep, weeks: Sequence[Week], prompt_for: Callable[..., Prompt[Week]]
) -> list[Week]:
    """Return the weeks, asking again for each one that repeats a post of an earlier week.

    Weeks are written concurrently, so the model cannot see the others.
    """
    accepted: list[Week] = []
    for number, answer in enumerate(weeks, 1):
        earlier = [post for week in accepted for post in week.posts]
        week = answer
        if repeated_titles(week.posts, earlier):
            again = await step.ask_each({_part(number): prompt_for(number, earlier)})
            week = again[_part(number)]
        accepted.append(week)
    return accepted
