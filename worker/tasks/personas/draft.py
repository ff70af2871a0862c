"""Drafts personas by fixed rules, for the offline provider."""

import re
from typing import NamedTuple

from herald.shared.tasks.task_types import PersonasPayload
from herald.worker.tasks.personas.answers import Portrait, Sketch, Sketches
from herald.worker.tasks.words import clip, quote, seeded, upper_first


class Segment(NamedTuple):
    """A segment that most markets have, and a typical person from it.

    ``situation`` continues a sentence that begins with the person's name.
    """

    name: str
    ages: tuple[int, int]
    occupations: tuple[str, str, str]
    situation: str
    need: str
    goals: tuple[str, str, str]
    frustrations: tuple[str, str]
    objections: tuple[str, str]
    channels: tuple[str, str, str]
    quote: str


SEGMENTS = [
    Segment(
        "Newcomers", (19, 29), ("student", "junior designer", "trainee nurse"),
        situation="has just heard about {product} and does not know anyone who has tried it. Trying things out comes more naturally than reading about them, but a bad start would be the end of it.",
        need="A good first experience that requires no prior knowledge",
        goals=("Find out quickly whether it is the right choice", "Get a first result without having to ask for help", "Tell friends about it without having to explain too much"),
        frustrations=("Explanations that assume too much prior knowledge", "Having to register before seeing anything"),
        objections=("Is it really suitable for beginners?", "What happens if I start and do not like it?"),
        channels=("Instagram, for a first impression", "TikTok, to see it in action", "Friends, for a recommendation"),
        quote="If it is as easy as they say, I would like to see it for myself.",
    ),
    Segment(
        "Busy professionals", (31, 45), ("project manager", "physiotherapist", "electrician"),
        situation="would use {product} regularly if it fitted into a full working week. Reliability counts for more than features, and everything has to be quick to arrange.",
        need="Something that works the first time, every time",
        goals=("Spend less time on organising things", "Rely on it without having to think about it", "Have one person to call if anything goes wrong"),
        frustrations=("Extra steps that add nothing", "Waiting for days for a reply to a simple question"),
        objections=("How much effort does it take to get going?", "Will it still work on a bad day?"),
        channels=("Search engines, in the evening", "Newsletters, on the way to work", "Colleagues, over lunch"),
        quote="I do not need anything fancy. I need it to work on a busy Tuesday.",
    ),
    Segment(
        "Sceptics", (36, 62), ("accountant", "journalist", "lab technician"),
        situation="once paid for something similar to {product} and was disappointed. Good arguments can still win a sceptic over; big words cannot.",
        need="One clear difference from the last disappointment",
        goals=("Check the claims before spending any money", "Hear about the limits as well as the benefits", "Avoid making the same mistake again"),
        frustrations=("Big promises with nothing behind them", "Customer reviews that all sound alike"),
        objections=("Why should it work better this time?", "Can I get my money back if it does not?"),
        channels=("Independent tests, before anything else", "Online forums, for the bad news", "Consumer advice, for the small print"),
        quote="I have heard it all before. What is different this time?",
    ),
    Segment(
        "Careful spenders", (21, 38), ("apprentice", "sales assistant", "freelance translator"),
        situation="keeps a close eye on every expense and is not sure whether {product} fits the budget. A higher price is acceptable as long as it is clear what it pays for.",
        need="A fair price that is clear from the start",
        goals=("Know the full cost in advance", "Get good value without giving up what matters", "Avoid long commitments"),
        frustrations=("Fees that only appear at checkout", "Paying for extras that nobody needs"),
        objections=("Is there a smaller option?", "Can I cancel at any time?"),
        channels=("Comparison sites, for the price", "Group chats, for tips from friends", "Email, for current offers"),
        quote="Tell me the full price first, and then everything else.",
    ),
    Segment(
        "People short of time", (35, 52), ("surgeon", "company founder", "event caterer"),
        situation="likes the idea of {product} but rarely has a free hour. Decisions are made on the phone, between two appointments, and whatever takes longer is forgotten.",
        need="A first result in fifteen minutes",
        goals=("Fit it into the gaps of the day", "Hand over the details to someone reliable", "Get a reminder at the right moment"),
        frustrations=("Long forms and phone queues", "Appointments that start late"),
        objections=("How long until it pays off?", "Can someone take care of it for me?"),
        channels=("Podcasts, in the car", "Messaging apps, for short questions", "Colleagues, for a quick recommendation"),
        quote="You have fifteen minutes. Convince me.",
    ),
    Segment(
        "Returning customers", (33, 50), ("architect", "social worker", "chef"),
        situation="once chose offers like {product} regularly but has not done so for years. The interest is still there, and so is the worry about having lost touch.",
        need="An easy way back",
        goals=("Pick up where they left off", "See at a glance what has changed since then", "Enjoy it again without any pressure"),
        frustrations=("Being treated like a complete beginner", "Having to set everything up from scratch"),
        objections=("Have I been away for too long?", "Is it still the way I remember it?"),
        channels=("Newsletters, as a friendly reminder", "Facebook, where the old contacts are", "Old friends, for encouragement"),
        quote="I used to enjoy this so much. Perhaps it is time to come back.",
    ),
    Segment(
        "Decision-makers", (40, 56), ("head of purchasing", "school principal", "practice owner"),
        situation="is considering {product} on behalf of a team and has to justify the choice. Before the first conversation, three alternatives are already on the table.",
        need="Evidence, a clear price and a way to back out",
        goals=("Make a choice that holds up in front of the team", "Compare offers without sitting through a sales call", "Know in advance what happens after the contract is signed"),
        frustrations=("Prices that are only available on request", "References that cannot be verified"),
        objections=("What if it does not suit the team?", "Who else has chosen this, and are they happy with it?"),
        channels=("LinkedIn, to see who is behind the offer", "Trade magazines, for an overview", "Peers, for honest references"),
        quote="Show me who else has chosen this, and what they would do differently today.",
    ),
    Segment(
        "Enthusiasts", (24, 40), ("teacher", "web developer", "florist"),
        situation="knows a lot about offers like {product} and often recommends them to others. General information is not enough; the background and the people make it interesting.",
        need="Depth, and something worth sharing",
        goals=("Learn something new each time", "Meet others who share the same interest", "Be among the first to hear what is new"),
        frustrations=("Content that is written for beginners only", "Never getting to talk to the people behind it"),
        objections=("Will it still interest me in a year?", "What does it offer that I do not know yet?"),
        channels=("YouTube, for the details", "Podcasts, for the background", "Meetups, for the people"),
        quote="Give me the details, all of them.",
    ),
    Segment(
        "People who choose for others", (28, 66), ("librarian", "shop assistant", "engineer"),
        situation="is looking at {product} for someone else and wants to get it right. The other person’s taste is known only roughly, and there is no way of asking.",
        need="Confidence that the other person will be happy with it",
        goals=("Find something that fits without having to ask", "Leave room for the other person to choose", "Have everything ready on the day"),
        frustrations=("Not knowing which option fits", "Having to decide on the details too early"),
        objections=("Can it be changed later?", "What if it turns out to be the wrong choice?"),
        channels=("Search engines, for ideas", "Pinterest, to compare them", "Local shops, for personal advice"),
        quote="It is not for me. I just want to see a happy face.",
    ),
    Segment(
        "Group organisers", (29, 58), ("club chair", "event manager", "community worker"),
        situation="organises activities for a group and wonders whether {product} could be part of them. Twenty people have to agree, so the offer must be easy to pass on.",
        need="An offer that works for many people at once",
        goals=("Agree on one date, one price and one contact", "Make sure that nobody feels left out", "Have something to look forward to together"),
        frustrations=("Offers that are meant for one person only", "Chasing people for their answers"),
        objections=("How many people can take part?", "Is there a price for groups?"),
        channels=("Local press, for inspiration", "Mailing lists, to ask everyone", "Facebook groups, to share the plan"),
        quote="If it works for the twenty of us, we will be back every year.",
    ),
]  # fmt: skip

GENERAL = 6
"""How many segments, from the first, fit any product; the others only extend a longer list."""
BUSINESS = frozenset(
    "b2b business businesses company companies enterprise saas software team teams agency".split()
)
"""Words that suggest that organisations buy a product."""

NAMES = (
    "Amira Jonas Mei Tomás Ingrid Kofi Lucia Arjun Noor Samuel Freja Mateo Hana Oluwaseun Elif Piotr Yara Lars "
    "Chiara Dmitri Aisha Henrik Sofia Kwame Leila Marek Anneke Rafael Sana Emil"
).split()


def draft_sketches(payload: PersonasPayload) -> Sketches:
    """Sketch a person for each segment; the same product always gets the same people."""
    chance = seeded(payload.product, payload.market)
    segments = chance.sample(SEGMENTS[:GENERAL], GENERAL) + chance.sample(
        SEGMENTS[GENERAL:], len(SEGMENTS) - GENERAL
    )
    words = set(re.findall(r"\w+", f"{payload.product} {payload.market or ''}".lower()))
    if words & BUSINESS:
        segments.sort(key=lambda segment: segment.name != "Decision-makers")
    names = chance.sample(NAMES, payload.count)
    market = f" ({clip(payload.market, 10, 80)})" if payload.market else ""
    return Sketches(
        people=[
            Sketch(
                segment=f"{segment.name}{market}",
                name=name,
                age=chance.randint(*segment.ages),
                occupation=upper_first(chance.choice(segment.occupations)),
                need=segment.need,
            )
            for segment, name in zip(segments[: payload.count], names, strict=True)
        ]
    )


def draft_portrait(payload: PersonasPayload, sketch: Sketch) -> Portrait:
    """Describe the sketched person in full."""
    segment = next((each for each in SEGMENTS if sketch.segment.startswith(each.name)), SEGMENTS[0])
    situation = segment.situation.format(product=quote(payload.product, 14, 100))
    return Portrait(
        situation=f"{sketch.name} {situation}",
        goals=list(segment.goals),
        frustrations=list(segment.frustrations),
        objections=list(segment.objections),
        channels=list(segment.channels),
        quote=segment.quote,
    )
