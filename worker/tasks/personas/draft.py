"""The answers behind personas: who the market is made of, and each person in full."""

from typing import Annotated, NamedTuple

from pydantic import Field, StringConstraints

from herald.shared.tasks.models import Model
from herald.shared.tasks.task_types import PersonasPayload
from herald.worker.tasks.words import clip, dice, lower_first, upper_first

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class Sketch(Model):
    """One person in outline: who stands for which part of the market."""

    segment: Text
    name: Text
    age: int = Field(ge=12, le=100)
    occupation: Text
    need: Text


class Sketches(Model):
    """The market, divided."""

    people: list[Sketch]


class Portrait(Model):
    """The same person in full."""

    situation: Text
    goals: list[Text] = Field(min_length=2, max_length=6)
    frustrations: list[Text] = Field(min_length=1, max_length=6)
    objections: list[Text] = Field(min_length=1, max_length=6)
    channels: list[Text] = Field(min_length=1, max_length=6)
    quote: Text


class Kind(NamedTuple):
    """A kind of person that most markets have."""

    segment: str
    ages: tuple[int, int]
    occupations: tuple[str, str, str]
    situation: str
    need: str
    frustration: str
    objection: str
    channels: tuple[str, str]
    says: str


KINDS = [
    Kind("newcomers", (19, 29), ("student", "junior designer", "trainee nurse"), "has just heard of {product}, and knows nobody who has tried it", "a first result with {product} within an hour", "guides that take {product} for granted", "Is {product} not too much for a beginner?", ("Instagram", "a friend who tried it"), "If {product} is as easy as they say, I want to see it with my own hands."),
    Kind("everyday professionals", (31, 45), ("project manager", "physiotherapist", "electrician"), "would use {product} every week, between two appointments", "{product} without a step too many", "anything that makes {product} slower than what is used today", "Does {product} still work on a bad day?", ("a trade magazine", "colleagues"), "I do not need more of {product}. I need it to work on a Tuesday."),
    Kind("those who decide for others", (40, 56), ("head of purchasing", "school principal", "practice owner"), "answers to a team for choosing {product}", "proof, a price and a way back out of {product}", "offers for {product} that hide what they cost", "What do we do if {product} does not suit the team?", ("LinkedIn", "references"), "Show me who else uses {product}, and what they would do differently."),
    Kind("burnt sceptics", (36, 62), ("accountant", "journalist", "lab technician"), "has paid for something like {product} before, and regretted it", "one clear difference between {product} and the last promise", "big words about {product}", "Why should {product} end better than the last time?", ("independent tests", "a forum"), "I have heard it all. What is different about {product}?"),
    Kind("enthusiasts", (24, 40), ("teacher", "web developer", "florist"), "already tells others about things like {product}", "depth in {product}, and a reason to share it", "{product} being explained to them as to a child", "Will {product} still interest me after a year?", ("YouTube", "meetups"), "Give me the details of {product}, all of them."),
    Kind("those who come back", (33, 50), ("architect", "social worker", "chef"), "gave up something like {product} years ago, and misses it", "an easy way back to {product}", "having to begin with {product} from nothing", "Have I forgotten too much for {product}?", ("a newsletter", "an old acquaintance"), "I was good at this once, and {product} could be my way back."),
    Kind("givers", (28, 66), ("retired librarian", "shop assistant", "engineer"), "looks for {product} on behalf of somebody dear", "certainty that {product} will be welcome", "not knowing what fits about {product}", "Can {product} be changed if it is the wrong one?", ("search", "a shop window"), "I am not the one who will use {product}. I only want to see a face light up."),
    Kind("careful spenders", (21, 38), ("apprentice", "single parent in retail", "freelance translator"), "counts every expense, and {product} is one", "{product} at a price that is clear from the start", "prices for {product} that grow on the last page", "Is there a smaller {product}?", ("comparison sites", "a group chat"), "Tell me the whole price of {product} first, and then the rest."),
    Kind("those without time", (35, 52), ("surgeon", "founder", "parent of three"), "would like {product}, if the day had two hours more", "{product} in the quarter of an hour that is left", "forms, calls and waiting before {product} begins", "How long until {product} is worth the time?", ("a podcast", "a recommendation at work"), "Fifteen minutes for {product}. Convince me."),
    Kind("organisers", (29, 58), ("club chair", "event manager", "community worker"), "brings groups together, and looks for what {product} could be to them", "{product} for many people at once", "offers of {product} that are made for one person only", "How many can use {product} at the same time?", ("local press", "an association’s mailing list"), "If {product} works for twenty of us, you will see us every year."),
]  # fmt: skip

NAMES = (
    "Amira Jonas Mei Tomás Ingrid Kofi Lucia Arjun Noor Samuel Freja Mateo Hana Oluwaseun Elif Piotr Yara Lars "
    "Chiara Dmitri Aisha Henrik Sofia Kwame Leila Marek Anneke Rafael Sana Emil"
).split()


def _product(payload: PersonasPayload) -> str:
    return lower_first(clip(payload.product, 9))


def _market(payload: PersonasPayload) -> str:
    return payload.market or f"the market of {_product(payload)}"


def draft_sketches(payload: PersonasPayload) -> Sketches:
    """As many people as were asked for, of different kinds, always the same for the same product."""
    chance = dice(payload.product, payload.market)
    kinds = chance.sample(KINDS, payload.count)
    names = chance.sample(NAMES, payload.count)
    return Sketches(
        people=[
            Sketch(
                segment=f"{upper_first(kind.segment)} in {_market(payload)}",
                name=name,
                age=chance.randint(*kind.ages),
                occupation=upper_first(chance.choice(kind.occupations)),
                need=upper_first(kind.need.format(product=_product(payload))),
            )
            for kind, name in zip(kinds, names, strict=True)
        ]
    )


def draft_portrait(payload: PersonasPayload, sketch: Sketch) -> Portrait:
    """The sketched person in full."""
    product, market = _product(payload), _market(payload)
    kind = next((kind for kind in KINDS if sketch.segment.lower().startswith(kind.segment)), KINDS[0])
    told = kind._replace(**{
        field: getattr(kind, field).format(product=product)
        for field in ("situation", "need", "frustration", "objection", "says")
    })  # fmt: skip
    return Portrait(
        situation=f"{sketch.name}, {sketch.age}, {lower_first(sketch.occupation)}, {told.situation}.",
        goals=[
            upper_first(sketch.need),
            f"To find in {market} what others have already found there",
            f"To know after one try whether {product} is the right thing for someone of {sketch.age}",
        ],
        frustrations=[
            upper_first(told.frustration),
            f"Being spoken to about {market} as if no {lower_first(sketch.occupation)} belonged to it",
        ],
        objections=[told.objection],
        channels=[f"{upper_first(channel)}, on {market}" for channel in kind.channels],
        quote=upper_first(told.says),
    )  # fmt: skip
