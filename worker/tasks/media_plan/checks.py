"""Rules for the posts of several weeks and for a whole media plan."""

from collections import Counter
from collections.abc import Iterator, Sequence

from herald.worker.tasks.media_plan.answers import Post
from herald.worker.tasks.media_plan.money import minor_units
from herald.worker.tasks.media_plan.payload import MediaPlanPayload
from herald.worker.tasks.media_plan.result import MediaPlan
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


def plan_faults(plan: MediaPlan, payload: MediaPlanPayload) -> Iterator[str]:
    """Yield a line for each fault of a finished plan: number of posts, dates, repetitions and budget."""
    settings, calendar = payload.settings, plan.calendar
    expected = settings.weeks * settings.posts_per_week
    if len(calendar) != expected:
        yield f"expected {counted(expected, 'post')}, got {len(calendar)}"
    for number, count in sorted(Counter(post.week for post in calendar).items()):
        if count != settings.posts_per_week:
            yield f"week {number}: expected {counted(settings.posts_per_week, 'post')}, got {count}"
    for post in calendar:
        if not plan.start_date <= post.date <= plan.end_date:
            yield f"{post.title!r} is scheduled for {post.date}, outside the plan"
    titles, copies = [post.title for post in calendar], [post.copy_text for post in calendar]
    for field, texts in (("title", titles), ("copy", copies)):
        yield from (
            f"the {field} {text[:60]!r} is used more than once"
            for text, count in Counter(map(plain, texts)).items()
            if count > 1
        )
    if plan.budget is not None:
        digits = minor_units(settings.currency)
        allocated = round(sum(channel.budget or 0 for channel in plan.channels), digits)
        if allocated != plan.budget.total:
            yield f"the channel budgets add up to {allocated}, not {plan.budget.total}"
