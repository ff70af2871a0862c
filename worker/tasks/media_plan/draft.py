"""A media plan's answers: keyword groups, the strategy, and the posts of a week."""

import re
from collections.abc import Sequence
from typing import Annotated, Literal, NamedTuple

from pydantic import Field, StringConstraints

from herald.shared.tasks.models import Model
from herald.shared.tasks.task_types import MediaPlanPayload
from herald.worker.tasks.words import clip, dice, hashtag, listing, lower_first, quote, unique, upper_first

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Day = Literal["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
DAYS: tuple[Day, ...] = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class KeywordGroup(Model):
    """Keywords that the same people look for, in the same mind."""

    name: Text
    intent: Text
    keywords: list[Text] = Field(min_length=1)
    message: Text


class KeywordGroups(Model):
    """The brief's keywords, sorted."""

    groups: list[KeywordGroup] = Field(min_length=1)


class Channel(Model):
    """Where the plan speaks, what for, and how one sees that it works."""

    channel: Text
    role: Text
    kpis: list[Text] = Field(min_length=1, max_length=5)
    share: float = Field(gt=0)
    """Part of the budget, against the other channels' shares."""


class Measure(Model):
    """Something to look at, and what it shall show."""

    metric: Text
    target: Text
    source: Text
    rhythm: Text


class Strategy(Model):
    """The plan's idea."""

    title: Text
    summary: Text
    audience: Text
    channels: list[Channel] = Field(min_length=1, max_length=12)
    themes: list[Text]
    """One for each week."""
    measurement: list[Measure] = Field(min_length=1)


class Post(Model):
    """One entry of the calendar."""

    day: Day
    channel: Text
    title: Text
    copy_text: Text = Field(alias="copy")
    hashtags: list[Text]
    call_to_action: Text


class Week(Model):
    """The posts of one week."""

    posts: list[Post]


class Intent(NamedTuple):
    """Why someone looks for a keyword, by the words that give it away."""

    name: str
    intent: str
    words: frozenset[str]


INTENTS = [
    Intent(
        "Ready to act",
        "buy",
        frozenset(
            "buy price prices order shop book booking ticket hire gift gifts sale deal discount cheap offer".split()
        ),
    ),
    Intent(
        "Comparing",
        "compare",
        frozenset("best top vs versus review reviews alternative alternatives compare rated".split()),
    ),
    Intent(
        "Learning",
        "learn",
        frozenset(
            "how what why guide tips tutorial learn ideas course courses class workshop beginner beginners diy".split()
        ),
    ),
    Intent("Nearby", "visit", frozenset("near nearby local map studio store event events tour".split())),
]


class Known(NamedTuple):
    """A channel that the rules know."""

    role: str
    kpis: tuple[str, str]
    weight: int
    """What it usually takes of a budget, against the others."""
    words: frozenset[str]
    """What in a brief speaks for it."""


CHANNELS = {
    "Instagram": Known(
        "shows {keyword} in pictures and short films, where people discover it",
        ("saves", "profile visits"),
        4,
        frozenset(
            "craft food fashion design travel beauty art gift gifts home photo visual pottery workshop".split()
        ),
    ),
    "LinkedIn": Known(
        "reaches those who decide about {keyword} at work",
        ("click-through rate", "leads"),
        4,
        frozenset(
            "b2b software hire hiring team teams enterprise business consulting saas leads talent industry".split()
        ),
    ),
    "YouTube": Known(
        "explains {keyword} at length, and is found again for years",
        ("watch time", "subscribers"),
        3,
        frozenset("how tutorial guide learn course video demo diy".split()),
    ),
    "TikTok": Known(
        "makes {keyword} short, quick and easy to share",
        ("completion rate", "shares"),
        3,
        frozenset("young fun trend music game students viral".split()),
    ),
    "Pinterest": Known(
        "is where plans around {keyword} are collected",
        ("saves", "outbound clicks"),
        2,
        frozenset("ideas home craft wedding recipe decor gift gifts diy interior".split()),
    ),
    "Google Ads": Known(
        "answers those who are searching for {keyword} this minute",
        ("cost per click", "conversions"),
        5,
        frozenset("buy price order book near ticket sell sale hire signup signups".split()),
    ),
    "Local press": Known(
        "tells the neighbourhood about {keyword}",
        ("mentions", "visits"),
        2,
        frozenset("local event city village studio opening festival near workshop".split()),
    ),
    "Newsletter": Known(
        "keeps those who care about {keyword}, and brings them back",
        ("open rate", "replies"),
        1,
        frozenset("subscribers members community loyal repeat".split()),
    ),
}
USUAL = ("Instagram", "Newsletter", "LinkedIn")

PHASES = ("Introduce", "Explain", "Show proof of", "Invite to", "Answer doubts about")

FORMS = [
    ("How to begin with {keyword}", "The first step with {keyword} is smaller than it looks: pick one thing, try it once, and see how near it brings you to {goal}.", "Try it, and tell us on {channel} how {keyword} went"),
    ("Three questions about {keyword}", "What is {keyword} good for, whom does it suit, and how does it serve {goal}? Three short answers on {keyword}, one after the other.", "Ask us the fourth question about {keyword} on {channel}"),
    ("A day with {keyword}", "One person, one day, and {keyword} in the middle of it: what changes between the morning and the evening.", "Follow the next day with {keyword} on {channel}"),
    ("What {keyword} is not", "The most common mistake about {keyword} keeps people from {goal}. Here is what {keyword} is not, and what it is.", "Send it to someone who thinks so about {keyword}"),
    ("{keyword}, in one number", "One number on {keyword}, where it comes from, and what it means for {goal}.", "Save it for when {keyword} comes up again"),
    ("Behind the scenes of {keyword}", "How {keyword} looks before anyone sees it: the table, the tools, the second try, on the way to {goal}.", "Tell us on {channel} what you want to see of {keyword}"),
    ("{keyword}: before and after", "The same place, before {keyword} and after it: the difference is what {goal} is about.", "Show us your own before and after of {keyword}"),
    ("What people say about {keyword}", "Someone who came for {keyword}, in their own words: why they began, what surprised them, what they would tell others who think about {keyword}.", "Add what you would say about {keyword}"),
    ("{keyword} or not?", "When {keyword} is the right choice, when it is not, and how to tell which: a fair comparison for everyone who is near {goal}.", "Vote on {channel}: {keyword}, yes or no"),
    ("Your checklist for {keyword}", "Five lines to tick off before {keyword}, so that nothing stands between you and {goal}.", "Keep the checklist for {keyword}"),
    ("{keyword}, answered live", "We answer what you want to know about {keyword}, and we say openly where {goal} takes longer than one hopes.", "Bring one question on {keyword} to {channel}"),
    ("The next step: {keyword}", "You have read about {keyword}; this is how to go on, and what it has to do with {goal}.", "Take the next step with {keyword} today"),
]  # fmt: skip


def draft_groups(payload: MediaPlanPayload) -> KeywordGroups:
    """Keywords by what gives their intent away, the others by the words that they share."""
    groups: dict[tuple[str, str], list[str]] = {}
    rest = []
    for keyword in unique(payload.keywords):
        intent = next((intent for intent in INTENTS if _words(keyword) & intent.words), None)
        if intent:
            groups.setdefault((intent.name, intent.intent), []).append(keyword)
        else:
            rest.append(keyword)
    for alike in _clusters(rest):
        groups[f"Around {lower_first(listing(alike[:2]))}", "discover"] = alike
    return KeywordGroups(
        groups=[
            KeywordGroup(
                name=name,
                intent=intent,
                keywords=keywords,
                message=f"{upper_first(listing(keywords[:3]))}: one more reason for {quote(payload.objective)}",
            )
            for (name, intent), keywords in groups.items()
        ]
    )


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))


def _clusters(keywords: Sequence[str]) -> list[list[str]]:
    """Keywords that share a longer word come together; those that share none, in fours."""
    clusters: list[list[str]] = []
    for keyword in keywords:
        own = {word for word in _words(keyword) if len(word) > 3}  # noqa: PLR2004
        near = next((one for one in clusters if any(own & _words(other) for other in one)), None)
        if near is not None:
            near.append(keyword)
        else:
            clusters.append([keyword])
    single = [one[0] for one in clusters if len(one) == 1]
    return [one for one in clusters if len(one) > 1] + [
        single[at : at + 4] for at in range(0, len(single), 4)
    ]


def chosen_channels(payload: MediaPlanPayload) -> list[str]:
    """The channels that were asked for, or the three for which the most in the brief speaks."""
    if payload.settings.channels:
        return unique(payload.settings.channels)
    brief = _words(" ".join([payload.objective, *payload.keywords]))
    ranked = sorted(
        CHANNELS,
        key=lambda name: (-len(CHANNELS[name].words & brief), name not in USUAL, list(CHANNELS).index(name)),
    )
    return ranked[:3]


def draft_strategy(payload: MediaPlanPayload, groups: Sequence[KeywordGroup]) -> Strategy:
    """The idea, from the objective, the keyword groups and the settings."""
    settings = payload.settings
    names = chosen_channels(payload)
    lead = payload.keywords[0]
    searched = listing(payload.keywords[:3])
    posts = settings.weeks * settings.posts_per_week
    summary = (
        f"{_counted(posts, 'post')} in {_counted(settings.weeks, 'week')} on {listing(names)}, each about one of "
        f"{_counted(len(payload.keywords), 'keyword')}, in a tone that is {lower_first(settings.tone)}. Every week has "
        f"one theme, and every theme leads to {quote(payload.objective)}."
    )
    if settings.language.lower() != "english":
        summary += f" This offline draft is in English; {settings.language} was asked for, and needs a model."
    return Strategy(
        title=f"{upper_first(lead)}: {_counted(settings.weeks, 'week')} towards {quote(payload.objective)}",
        summary=summary,
        audience=f"People who look for {searched}, whom {listing(names)} can reach, and to whom "
        f"{quote(payload.objective)} means something.",
        channels=[_channel(name, payload, number) for number, name in enumerate(names)],
        themes=_themes(settings.weeks, [listing(group.keywords[:2]) for group in groups]),
        measurement=_measurement(payload, names),
    )


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _channel(name: str, payload: MediaPlanPayload, number: int) -> Channel:
    keyword = payload.keywords[number % len(payload.keywords)]
    known = next((known for key, known in CHANNELS.items() if key.lower() == name.lower()), None)
    if known is None:
        role, kpis, weight = (
            f"brings {keyword} to those who use {name}",
            (f"reach on {name}", f"responses from {name}"),
            2,
        )
    else:
        role, kpis, weight = known.role.format(keyword=keyword), known.kpis, known.weight
    return Channel(channel=name, role=f"{name} {role}", kpis=[upper_first(kpi) for kpi in kpis], share=weight)


def _themes(weeks: int, groups: Sequence[str]) -> list[str]:
    """A theme a week, no two alike."""
    themes: list[str] = []
    for week in range(weeks):
        name = groups[(week + week // len(PHASES)) % len(groups)]
        theme = f"{PHASES[week % len(PHASES)]} {name}"
        earlier = sum(re.sub(r" \(part \d+\)$", "", one) == theme for one in themes)
        themes.append(f"{theme} (part {earlier + 1})" if earlier else theme)
    return themes


def _measurement(payload: MediaPlanPayload, names: Sequence[str]) -> list[Measure]:
    settings = payload.settings
    measures = [
        Measure(
            metric=f"Steps towards {quote(payload.objective)}",
            target=f"More of them from week to week, as {listing(payload.keywords[:2])} are talked about",
            source=f"Your own count of {quote(payload.objective)}",
            rhythm="Weekly",
        ),
        Measure(
            metric=f"Posts about {listing(payload.keywords[:2])} published on their day",
            target=f"{settings.weeks * settings.posts_per_week} of {settings.weeks * settings.posts_per_week}",
            source="This calendar",
            rhythm="Weekly",
        ),
    ]
    for number, name in enumerate(names):
        kpi = _channel(name, payload, number).kpis[0]
        measures.append(
            Measure(metric=f"{kpi} on {name}", target=f"Better with each theme about {payload.keywords[number % len(payload.keywords)]}", source=f"{name}’s own figures", rhythm="Weekly")
        )  # fmt: skip
    if settings.budget:
        each = settings.budget / settings.weeks
        measures.append(
            Measure(metric="Money spent", target=f"At most {each:,.2f} {settings.currency} a week", source="The channels’ bills", rhythm="Weekly")
        )  # fmt: skip
    return measures


def draft_week(
    payload: MediaPlanPayload, groups: Sequence[KeywordGroup], channels: Sequence[str], number: int
) -> Week:
    """The posts of week ``number`` (from 1); over all weeks no title comes twice."""
    keywords = [keyword for group in groups for keyword in group.keywords]
    goal = quote(payload.objective)
    posts = []
    for place in range(payload.settings.posts_per_week):
        serial = (number - 1) * payload.settings.posts_per_week + place
        turn, form = divmod(serial, len(FORMS))
        keyword = keywords[(serial + turn) % len(keywords)]
        again = serial // (len(FORMS) * len(keywords))
        channel = channels[serial % len(channels)]
        title, copy, call = (
            upper_first(text.format(keyword=keyword, goal=goal, channel=channel)) for text in FORMS[form]
        )
        group = next(group for group in groups if keyword in group.keywords)
        posts.append(
            Post(
                day=DAYS[place * 7 // payload.settings.posts_per_week],
                channel=channel,
                title=f"{title} (part {again + 1})" if again else title,
                copy=f"{copy} This is part {again + 1} on {keyword}." if again else copy,
                hashtags=_hashtags(keyword, group, payload),
                call_to_action=call,
            )
        )
    return Week(posts=posts)


def _hashtags(keyword: str, group: KeywordGroup, payload: MediaPlanPayload) -> list[str]:
    other = dice(keyword, payload.objective).choice(group.keywords)
    tags = [hashtag(clip(each, 4)) for each in (keyword, other)]
    return list(dict.fromkeys(tag for tag in tags if tag))
