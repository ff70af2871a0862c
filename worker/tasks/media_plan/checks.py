"""Rules for the posts of several weeks and for a whole media plan."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from herald.shared.tasks.task_types import MediaPlanPayload
from herald.worker.tasks.media_plan.answers import Post
from herald.worker.tasks.media_plan.money import minor_units
from herald.worker.tasks.words import counted, plain


def repeated_titles(posts: Sequence[Post], earlier: Sequence[Post]) -> list[str]:
    """Titles of ``posts`` that repeat the title or copy of one before them or of an ``earlier`` one."""
    seen = {plain(text) for post in earlier for text in (post.title, post.copy_text)}
    repeated = []
    for post in posts:
        texts = {plain(post.title), plain(post.copy_text)}
        if texts & seen:
            repeated.append(post.title)
        seen |= texts
    return repeated


def plan_faults(plan: Mapping[str, Any], payload: MediaPlanPayload) -> Iterator[str]:
    """Yield a line for each fault of a finished plan: number of posts, dates, repetitions and budget."""
    settings, calendar = payload.settings, plan["calendar"]
    expected = settings.weeks * settings.posts_per_week
    if len(calendar) != expected:
        yield f"expected {counted(expected, 'post')}, got {len(calendar)}"
    for number, count in sorted(Counter(post["week"] for post in calendar).items()):
        if count != settings.posts_per_week:
            yield f"week {number}: expected {counted(settings.posts_per_week, 'post')}, got {count}"
    for post in calendar:
        if not plan["startDate"] <= post["date"] <= plan["endDate"]:
            yield f"{post['title']!r} is scheduled for {post['date']}, outside the plan"
    for field in ("title", "copy"):
        counts = Counter(plain(post[field]) for post in calendar)
        yield from (
            f"the {field} {text[:60]!r} is used more than once" for text, count in counts.items() if count > 1
        )
    if plan.get("budget"):
        digits = minor_units(settings.currency)
        allocated = round(sum(channel["budget"] for channel in plan["channels"]), digits)
        if allocated != plan["budget"]["total"]:
            yield f"the channel budgets add up to {allocated}, not {plan['budget']['total']}"
