"""The questions to the model for personas."""

from collections.abc import Iterator, Sequence

from herald import Prompt
from herald.worker.tasks.personas.answers import Portrait, Sketch, Sketches
from herald.worker.tasks.personas.draft import draft_portrait, draft_sketches
from herald.worker.tasks.personas.payload import PersonasPayload
from herald.worker.tasks.words import counted, plain

ROLE = "You are a market researcher."
STYLE = "Write in the language of the brief."


def sketches_prompt(brief: PersonasPayload) -> Prompt[Sketches]:
    """Ask for an outline of each persona; names, segments and needs must all differ."""

    def faults(answer: Sketches) -> Iterator[str]:
        if len(answer.people) != brief.count:
            yield f"expected {brief.count} people, got {len(answer.people)}"
        for field in ("name", "segment", "need"):
            values = [plain(getattr(person, field)) for person in answer.people]
            if len(set(values)) != len(values):
                yield f"two people have the same {field}"

    return Prompt(
        f"{ROLE} Divide the market for the product into exactly {counted(brief.count, 'segment')}, by what "
        "people need. For each segment, describe one realistic person: name, age, occupation and main need. "
        f"Do not use a name, segment or need twice. {STYLE}",
        {"brief": brief.wire()},
        Sketches,
        draft=lambda: draft_sketches(brief),
        faults=faults,
    )


def portrait_prompt(brief: PersonasPayload, people: Sequence[Sketch], number: int) -> Prompt[Portrait]:
    """Ask for the details of persona ``number``, counted from 1."""
    sketch = people[number - 1]
    return Prompt(
        f"{ROLE} Describe the person in detail: situation, goals, frustrations, objections to the product, "
        "the channels on which to reach them, and a sentence that they might say. Keep to the outline, and "
        f"write nothing that would also be true of the other people. {STYLE}",
        {
            "brief": brief.wire(),
            "person": sketch.wire(),
            "others": [other.wire() for other in people if other is not sketch],
        },
        Portrait,
        draft=lambda: draft_portrait(brief, sketch),
    )
