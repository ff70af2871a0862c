"""``GENERATE_MEDIA_PLAN``: from an objective and keywords to a calendar of posts."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from shared.catalog import MediaPlanPayload
from shared.models import Model
from worker.generators.base import PlannedStep, Result, Steps, document
from worker.llm.provider import Prompt

STRATEGY, PILLARS = "Read the brief", "Choose content pillars"
DEFAULT_CHANNELS = ["Instagram", "LinkedIn", "Newsletter"]
FORMATS = [
    ("How-to", "Show step by step how {keyword} brings someone closer to: {objective}"),
    ("Story", "Tell of one customer's day before and after {keyword}"),
    ("Proof", "Share one number that shows what {keyword} changes, and how it was measured"),
    ("Question", "Ask the audience what holds them back with {keyword}, and answer the best reply"),
    ("Offer", "Invite to the next step: {objective}, starting with {keyword}"),
]
DAYS = ["Monday", "Wednesday", "Friday", "Tuesday", "Thursday", "Saturday", "Sunday"]


class Strategy(Model):
    """The plan's idea."""

    title: str
    audience: str
    angle: str
    summary: str


class Pillar(Model):
    """A theme that posts come back to."""

    name: str
    message: str
    keywords: list[str]


class Pillars(Model):
    """The plan's themes."""

    pillars: list[Pillar]


class Post(Model):
    """One entry of the calendar."""

    day: str
    channel: str
    pillar: str
    format: str
    title: str
    copy_text: str
    call_to_action: str


class Week(Model):
    """The posts of one week."""

    theme: str
    posts: list[Post]


class MediaPlanGenerator:
    """Strategy, pillars, then one step a week, so that a lost worker costs at most a week's posts."""

    def plan(self, payload: MediaPlanPayload) -> Sequence[PlannedStep]:
        """Two steps of thought, and one a week."""
        weeks = [PlannedStep(_week_name(number), 2) for number in range(1, payload.settings.weeks + 1)]
        return [PlannedStep(STRATEGY, 1), PlannedStep(PILLARS, 2), *weeks]

    async def generate(self, steps: Steps, payload: MediaPlanPayload) -> Result:
        """One document: the strategy, the pillars, the weeks and the budget."""
        brief = payload.wire()
        settings = payload.settings
        language = f"Write in {settings.language}, in a tone that is {settings.tone}."
        strategy = await steps.ask(
            STRATEGY,
            Prompt(
                f"You plan media for a brand. From the brief, derive the strategy. {language}",
                {"brief": brief},
                Strategy,
                lambda: _strategy(payload),
            ),
        )
        pillars = await steps.ask(
            PILLARS,
            Prompt(
                f"Choose three to five content pillars; spread the brief's keywords over them. {language}",
                {"brief": brief, "strategy": strategy.wire()},
                Pillars,
                lambda: _pillars(payload),
            ),
        )
        weeks: list[dict[str, Any]] = []
        for number in range(1, settings.weeks + 1):
            week = await steps.ask(
                _week_name(number),
                Prompt(
                    f"Write exactly {settings.posts_per_week} posts for week {number} of {settings.weeks}, "
                    f"spread over the channels and pillars; repeat no earlier title. {language}",
                    {
                        "brief": brief,
                        "strategy": strategy.wire(),
                        "pillars": pillars.wire()["pillars"],
                        "channels": _channels(payload),
                        "earlierTitles": [post["title"] for earlier in weeks for post in earlier["posts"]],
                    },
                    Week,
                    lambda number=number: _week(payload, pillars.pillars, number),  # type: ignore[misc]
                ),
            )
            weeks.append({"number": number, **_starts(settings.start_date, number), **week.wire()})
        content = {
            "objective": payload.objective,
            "language": settings.language,
            **strategy.wire(),
            **pillars.wire(),
            "weeks": weeks,
            "budget": _budget(payload),
        }
        task = steps.task
        made = document(task, "mediaPlanGroupId", task.task_id, content)
        return Result([made], {"mediaPlanGroupId": task.task_id})


def _week_name(number: int) -> str:
    return f"Write week {number}"


def _channels(payload: MediaPlanPayload) -> list[str]:
    return payload.settings.channels or DEFAULT_CHANNELS


def _starts(first: date | None, number: int) -> dict[str, str]:
    return {"startDate": (first + timedelta(weeks=number - 1)).isoformat()} if first else {}


def _budget(payload: MediaPlanPayload) -> list[dict[str, Any]]:
    """The total, split evenly to the cent; what does not divide goes to the first channels."""
    if payload.settings.budget is None:
        return []
    channels = _channels(payload)
    each, rest = divmod(round(payload.settings.budget * 100), len(channels))
    return [
        {"channel": channel, "amount": (each + (index < rest)) / 100, "currency": payload.settings.currency}
        for index, channel in enumerate(channels)
    ]


def _strategy(payload: MediaPlanPayload) -> Strategy:
    lead, *others = payload.keywords
    channels = _channels(payload)
    pace = f"{payload.settings.posts_per_week} posts a week on {_listing(channels)}"
    searched = _listing(payload.keywords[:3])
    return Strategy(
        title=f"{lead.capitalize()}: {payload.settings.weeks} weeks to {_lower_first(payload.objective)}",
        audience=f"People who look for {searched} and can be reached on {_listing(channels)}",
        angle=f"Lead with {lead}" + (f"; support it with {_listing(others[:4])}" if others else ""),
        summary=(
            f"{pace} for {payload.settings.weeks} weeks, "
            f"each tied to one pillar and one step towards: {payload.objective}"
        ),
    )


def _pillars(payload: MediaPlanPayload) -> Pillars:
    count = min(4, len(payload.keywords))
    groups = [payload.keywords[start::count] for start in range(count)]
    return Pillars(
        pillars=[
            Pillar(
                name=group[0].capitalize(),
                message=f"{_listing(group).capitalize()} matters because it leads to: {payload.objective}",
                keywords=group,
            )
            for group in groups
        ]
    )


def _week(payload: MediaPlanPayload, pillars: list[Pillar], number: int) -> Week:
    posts = []
    for place in range(payload.settings.posts_per_week):
        serial = (number - 1) * payload.settings.posts_per_week + place
        pillar = pillars[serial % len(pillars)]
        keyword = (
            pillar.keywords[(serial // len(pillars)) % len(pillar.keywords)]
            if pillar.keywords
            else pillar.name
        )
        form, idea = FORMATS[serial % len(FORMATS)]
        channel = _channels(payload)[serial % len(_channels(payload))]
        posts.append(
            Post(
                day=DAYS[place % len(DAYS)],
                channel=channel,
                pillar=pillar.name,
                format=form,
                title=f"{form}: {keyword} (week {number}, {place + 1})",
                copy_text=idea.format(keyword=keyword, objective=_lower_first(payload.objective)) + ".",
                call_to_action=f"Reply on {channel} with your question about {keyword}",
            )
        )
    return Week(theme=pillars[(number - 1) % len(pillars)].message, posts=posts)


def _listing(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:] if not text[1:2].isupper() else text
