"""``AUTO_GENERATE_PERSONAS``: the people whom a product is for."""

from collections.abc import Sequence

from shared.catalog import PersonasPayload
from shared.models import Model
from worker.generators.base import PlannedStep, Result, Steps, document
from worker.llm.provider import Prompt

SEGMENTS = "Segment the market"
NAMES = ["Amira", "Jonas", "Mei", "Tomás", "Ingrid", "Kofi", "Lucia", "Arjun", "Noor", "Sam"]
SITUATIONS = [
    ("newcomer", "who meets the problem for the first time", "wants a first result within an hour", 24),
    ("professional", "who does this every day", "wants fewer steps and no surprises", 38),
    ("buyer", "who decides for a team", "wants proof, a price and a way back out", 47),
    ("sceptic", "who has tried something like it before", "wants to see what is different this time", 52),
    ("enthusiast", "who tells others what to use", "wants depth, and a reason to share", 31),
]


class Segment(Model):
    """A group of people with one situation in common."""

    name: str
    situation: str
    need: str


class Segments(Model):
    """The market, divided."""

    segments: list[Segment]


class Persona(Model):
    """One person who stands for a segment."""

    name: str
    age: int
    role: str
    situation: str
    goals: list[str]
    frustrations: list[str]
    channels: list[str]
    quote: str


class PersonasGenerator:
    """One step to divide the market, then one a persona."""

    def plan(self, payload: PersonasPayload) -> Sequence[PlannedStep]:
        """As many steps as personas, and the division before them."""
        return [PlannedStep(SEGMENTS, 2), *(PlannedStep(_step(number), 2) for number in range(payload.count))]

    async def generate(self, steps: Steps, payload: PersonasPayload) -> Result:
        """One document a persona."""
        brief = payload.wire()
        divided = await steps.ask(
            SEGMENTS,
            Prompt(
                f"Divide the product's market into exactly {payload.count} segments with different needs.",
                {"brief": brief},
                Segments,
                lambda: _segments(payload),
            ),
        )
        task = steps.task
        documents, earlier = [], list[str]()
        for number in range(payload.count):
            segment = divided.segments[number % len(divided.segments)] if divided.segments else None
            persona = await steps.ask(
                _step(number),
                Prompt(
                    "Write one persona for the segment: a believable person, unlike the earlier ones.",
                    {"brief": brief, "segment": segment.wire() if segment else None, "earlierNames": earlier},
                    Persona,
                    lambda number=number: _persona(payload, number),  # type: ignore[misc]
                ),
            )
            earlier.append(persona.name)
            content = {"number": number + 1, "segment": segment.name if segment else None, **persona.wire()}
            documents.append(document(task, "personaId", f"{task.task_id}-{number + 1:02d}", content))
        ids = [made["personaId"] for made in documents]
        return Result(documents, {"taskId": task.task_id, "personaIds": ids})


def _step(number: int) -> str:
    return f"Write persona {number + 1}"


def _segments(payload: PersonasPayload) -> Segments:
    market = payload.market or "the market"
    chosen = [SITUATIONS[number % len(SITUATIONS)] for number in range(payload.count)]
    return Segments(
        segments=[
            Segment(name=f"The {name} in {market}", situation=f"Someone {situation}", need=need)
            for name, situation, need, _ in chosen
        ]
    )


def _persona(payload: PersonasPayload, number: int) -> Persona:
    name, situation, need, age = SITUATIONS[number % len(SITUATIONS)]
    market = payload.market or "their field"
    return Persona(
        name=NAMES[number % len(NAMES)],
        age=age + number // len(SITUATIONS) * 3,
        role=f"A {name} in {market}",
        situation=f"Someone {situation}. What they would use: {payload.product}",
        goals=[f"A {name} {need}", f"To get from {payload.product} what others in {market} get"],
        frustrations=[f"Offers that do not say what they mean for a {name}", "Having to ask twice"],
        channels=[f"A forum on {market}", "Search", "A colleague's advice"],
        quote=f"If it is really {_short(payload.product)}, show me how it helps a {name}.",
    )


def _short(text: str) -> str:
    words = text.rstrip(".").split()
    return " ".join(words[:8]) + ("…" if len(words) > 8 else "")  # noqa: PLR2004
