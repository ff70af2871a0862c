"""Drafts a media plan by fixed rules, for the offline provider."""

import re
from collections.abc import Sequence
from math import lcm

from herald.worker.tasks.media_plan.answers import (
    DAYS,
    Channel,
    KeywordGroup,
    KeywordGroups,
    Measure,
    Post,
    Strategy,
    Week,
)
from herald.worker.tasks.media_plan.formats import kind_of
from herald.worker.tasks.media_plan.money import formatted, minor_units
from herald.worker.tasks.media_plan.payload import MediaPlanPayload
from herald.worker.tasks.media_plan.phrases import (
    BUSINESS,
    CHANNELS,
    DISCOVER,
    INTENTS,
    KINDS,
    OTHER_CHANNEL,
    USUAL,
    KnownChannel,
)
from herald.worker.tasks.media_plan.themes import Theme, themes_for
from herald.worker.tasks.words import (
    clip,
    counted,
    full_stop,
    hashtag,
    headline,
    listing,
    plain,
    quote,
    seeded,
    unique,
    upper_first,
)


def draft_groups(payload: MediaPlanPayload) -> KeywordGroups:
    """Group keywords by the words that reveal an intent, and the others by the words that they share."""
    by_intent: dict[str, list[str]] = {intent.name: [] for intent in INTENTS}
    others: list[str] = []
    keywords = unique(payload.keywords)
    for keyword in keywords:
        intent = next((intent for intent in INTENTS if _words(keyword) & intent.words), None)
        (by_intent[intent.name] if intent else others).append(keyword)
    groups = [
        _group(intent.name, intent.intent, intent.message, by_intent[intent.name])
        for intent in INTENTS
        if by_intent[intent.name]
    ]
    groups += [
        _group(upper_first(listing(_short(cluster[:2]))), "discover", DISCOVER, cluster)
        for cluster in _clusters(others)
    ]
    # Largest first, then in the order of the brief: the first group opens the plan.
    groups.sort(key=lambda group: (-len(group.keywords), keywords.index(group.keywords[0])))
    return KeywordGroups(groups=groups)


def _group(name: str, intent: str, message: str, keywords: list[str]) -> KeywordGroup:
    searches = listing([_quoted(keyword) for keyword in keywords[:3]], "or")
    return KeywordGroup(
        name=name, intent=intent, keywords=keywords, message=message.format(keywords=searches)
    )


def _short(keywords: Sequence[str]) -> list[str]:
    return [clip(keyword, 8, 60) for keyword in keywords]


def _quoted(keyword: str) -> str:
    return quote(keyword, 8, 60)


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))


def _clusters(keywords: Sequence[str]) -> list[list[str]]:
    """Put keywords together that share a word of four or more letters; the rest goes into groups of four."""
    clusters: list[list[str]] = []
    for keyword in keywords:
        own = {word for word in _words(keyword) if len(word) > 3}  # noqa: PLR2004
        related = next(
            (cluster for cluster in clusters if any(own & _words(other) for other in cluster)), None
        )
        if related is not None:
            related.append(keyword)
        else:
            clusters.append([keyword])
    single = [cluster[0] for cluster in clusters if len(cluster) == 1]
    return [cluster for cluster in clusters if len(cluster) > 1] + [
        single[at : at + 4] for at in range(0, len(single), 4)
    ]


def chosen_channels(payload: MediaPlanPayload) -> list[str]:
    """Return the brief's channels, or else the three that its words suggest most."""
    if payload.settings.channels:
        return unique(payload.settings.channels)
    words = _words(" ".join([payload.objective, *payload.keywords]))
    brief = words | {word.removesuffix("s") for word in words}
    score = {name: len(known.words & brief) for name, known in CHANNELS.items()}
    usual = [*USUAL, *(name for name in CHANNELS if name not in USUAL)]
    candidates = BUSINESS if score["LinkedIn"] > score["Instagram"] else usual
    # Sorting is stable: among equals the usual channels come first. Ads are out of reach without a budget.
    ranked = sorted(candidates, key=lambda name: -score[name])
    return [name for name in ranked if name != "Google Ads" or payload.settings.budget != 0][:3]


def draft_strategy(payload: MediaPlanPayload, groups: Sequence[KeywordGroup]) -> Strategy:
    """Write the strategy from the objective, the keyword groups and the settings."""
    settings = payload.settings
    channels = chosen_channels(payload)
    listed_channels = listing([clip(name, 8, 60) for name in channels])
    searches = listing([_quoted(keyword) for keyword in unique(payload.keywords)[:3]], "or")
    audience = f"People who search for {searches} and can be reached via {listed_channels}."
    largest = max(groups, key=lambda group: len(group.keywords))
    if len(groups) > 1 and len(largest.keywords) > 1:
        audience += f" The largest keyword group is {quote(largest.name)}, so write for these readers first."
    return Strategy(
        title=f"{upper_first(headline(payload.objective))}: media plan for {counted(settings.weeks, 'week')}",
        summary=_summary(payload, len(groups), listed_channels),
        audience=audience,
        channels=[_channel(name, payload, number) for number, name in enumerate(channels)],
        themes=[
            f"{upper_first(theme.doing)}: {listing(_short(_keywords_of(groups, week, settings.weeks)[:3]))}"
            for week, theme in enumerate(_themes(groups, settings.weeks))
        ],
        measurement=_measurement(payload, channels),
    )


def _summary(payload: MediaPlanPayload, groups: int, channels: str) -> str:
    settings = payload.settings
    posts = settings.weeks * settings.posts_per_week
    themes = "Each week has a theme of its own. " if settings.weeks > 1 else ""
    summary = (
        f"The plan works towards one goal: {quote(payload.objective, 20, 120)}. It schedules {counted(posts, 'post')} "
        f"over {counted(settings.weeks, 'week')} via {channels}, based on "
        f"{counted(len(unique(payload.keywords)), 'keyword')} in {counted(groups, 'group')}. "
        f"{themes}Tone: {full_stop(clip(settings.tone))} This draft was written by rules: before you publish, add "
        "your own facts, names and examples."
    )
    if "english" not in settings.language.lower():
        summary += f" Language requested: {clip(settings.language, 6, 50)}. Offline drafts are written in English only."
    return summary


def _channel(name: str, payload: MediaPlanPayload, number: int) -> Channel:
    keyword = payload.keywords[number % len(payload.keywords)]
    known = _known(name)
    return Channel(
        channel=name,
        role=f"{known.role}: {clip(keyword, 8, 60)}",
        kpis=list(known.kpis),
        share=known.weight,
    )


def _known(name: str) -> KnownChannel:
    kind = kind_of(name)
    by_kind = next((known for each, known in KINDS if each is kind), OTHER_CHANNEL)
    return next((known for key, known in CHANNELS.items() if plain(key) == plain(name)), by_kind)


def _measurement(payload: MediaPlanPayload, channels: Sequence[str]) -> list[Measure]:
    settings = payload.settings
    posts = settings.weeks * settings.posts_per_week
    measures = [
        Measure(
            metric=f"Progress towards the goal {quote(payload.objective)}",
            target="A clear improvement on the weeks before the plan",
            source="Your own records, such as sales, bookings or sign-ups",
            rhythm="Weekly",
        ),
        Measure(
            metric="Posts published on schedule",
            target=f"{posts} of {posts}",
            source="This calendar",
            rhythm="Weekly",
        ),
    ]
    target = "Record a baseline in week 1 and improve on it" if settings.weeks > 1 else "Record a baseline"
    measures += [
        Measure(
            metric=f"{clip(name, 8, 60)}: {kpi.lower()}",
            target=target,
            source="The channel’s own statistics",
            rhythm="Weekly",
        )
        for name in channels
        for kpi in _known(name).kpis[:1]
    ]
    if settings.budget:
        limit = f"No more than {formatted(settings.budget, settings.currency)} in total"
        weekly = round(settings.budget / settings.weeks, minor_units(settings.currency))
        if settings.weeks > 1 and weekly > 0:
            limit += f", about {formatted(weekly, settings.currency)} a week"
        measures.append(Measure(metric="Spending", target=limit, source="Channel invoices", rhythm="Weekly"))
    return measures


def _keywords_of(groups: Sequence[KeywordGroup], week: int, weeks: int) -> list[str]:
    """The keywords of a week, counted from 0: the groups take turns, and over all weeks each has one."""
    focus = groups[week::weeks] if len(groups) > weeks else [groups[week % len(groups)]]
    return [keyword for group in focus for keyword in group.keywords]


def _themes(groups: Sequence[KeywordGroup], weeks: int) -> list[Theme]:
    return themes_for([groups[week % len(groups)].intent for week in range(weeks)])


def draft_week(
    payload: MediaPlanPayload, groups: Sequence[KeywordGroup], channels: Sequence[str], number: int
) -> Week:
    """Write the posts of week ``number``, counted from 1. No title or copy occurs twice in a plan."""
    settings = payload.settings
    week, per_week = number - 1, settings.posts_per_week
    keywords = _keywords_of(groups, week, settings.weeks)
    visit, turn = divmod(week, min(len(groups), settings.weeks))
    first = turn * per_week
    theme = _themes(groups, settings.weeks)[week]
    posts = []
    for place in range(per_week):
        # Counts the posts on these keywords. Once every keyword has met every channel that it can meet in step,
        # the channels move on by one.
        count = visit * per_week + place
        keyword = keywords[count % len(keywords)]
        shift = first + first // len(channels) + count // lcm(len(keywords), len(channels))
        channel = channels[(count + shift) % len(channels)]
        kind, serial = kind_of(channel), week * per_week + place
        # Within a week each format occurs at most once, and its theme occurs in no other week.
        form = kind.formats[serial % len(kind.formats)]
        texts = post_texts(theme, keyword)
        action = form.action
        if kind.more:
            action = kind.answer if form.asks else kind.more[serial % len(kind.more)]
        posts.append(
            Post(
                day=DAYS[place * 7 // per_week],
                channel=channel,
                title=f"{texts['Topic']}: {form.title.format(**texts)}",
                copy=form.copy.format(**texts),
                hashtags=_hashtags(keyword, keywords) if kind.hashtags else [],
                call_to_action=action,
            )
        )
    return Week(posts=posts)


def post_texts(theme: Theme, keyword: str) -> dict[str, str]:
    """Return what a format can use: the theme in several forms, its tips, and the keyword as a topic."""
    topic = clip(keyword, 8, 60)
    label = upper_first(topic.rstrip("?？ ") or topic)
    tips = dict(zip("abc", theme.tips, strict=True))
    return {
        "doing": theme.doing,
        "do": theme.do,
        "Do": upper_first(theme.do),
        "line": theme.line,
        "lower_line": theme.line[:1].lower() + theme.line[1:],
        "mistake": theme.mistake,
        "topic": full_stop(topic),
        "Topic": label,
        "Question": f"{label}?",
        **tips,
        **{name.upper(): upper_first(tip) for name, tip in tips.items()},
    }


def _hashtags(keyword: str, keywords: Sequence[str]) -> list[str]:
    other = seeded(keyword).choice(keywords)
    return list(dict.fromkeys(tag for each in (keyword, other) if (tag := hashtag(headline(each, 6, 32)))))
