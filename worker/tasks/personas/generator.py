"""``AUTO_GENERATE_PERSONAS``: profiles of a product's ideal customers."""

from collections.abc import Iterator, Sequence

from herald.shared.task_api.prompt import Prompt
from herald.shared.tasks.task_types import PersonasPayload
from herald.worker.tasks.base import PlannedStep, Result, Steps, document
from herald.worker.tasks.personas.answers import Portrait, Sketch, Sketches
from herald.worker.tasks.personas.draft import draft_portrait, draft_sketches
from herald.worker.tasks.words import counted, plain

SEGMENTS, PORTRAITS = "Segmenting the market", "Writing personas"
ROLE = "You are a market researcher."
STYLE = "Write in the language of the brief."


class PersonasGenerator:
    """Outlines all personas in one answer, so that they differ, and then details them concurrently."""

    task_type = "AUTO_GENERATE_PERSONAS"

    def plan(self, payload: PersonasPayload) -> Sequence[PlannedStep]:
        """Return two steps; the second takes longer the more personas there are."""
        return [PlannedStep(SEGMENTS, 2), PlannedStep(PORTRAITS, 2 + payload.count, parts=payload.count)]

    async def generate(self, steps: Steps, payload: PersonasPayload) -> Result:
        """Return one document per persona."""
        async with steps.run(SEGMENTS) as step:
            people = (await step.ask(sketches_prompt(payload))).people
        async with steps.run(PORTRAITS) as step:
            portraits = await step.ask_each(
                {
                    f"persona {number}": portrait_prompt(payload, people, number)
                    for number in range(1, payload.count + 1)
                }
            )
        task = steps.task
        documents = [
            document(task, {"number": number, **sketch.wire(), **portrait.wire()}, number)
            for number, (sketch, portrait) in enumerate(zip(people, portraits.values(), strict=True), 1)
        ]
        ids = [each["personaId"] for each in documents]
        return Result(documents, {"taskId": task.task_id, "personaIds": ids})


def sketches_prompt(payload: PersonasPayload) -> Prompt[Sketches]:
    """Ask for an outline of each persona; names, segments and needs must all differ."""

    def faults(answer: Sketches) -> Iterator[str]:
        if len(answer.people) != payload.count:
            yield f"expected {payload.count} people, got {len(answer.people)}"
        for field in ("name", "segment", "need"):
            values = [plain(getattr(person, field)) for person in answer.people]
            if len(set(values)) != len(values):
                yield f"two people have the same {field}"

    return Prompt(
        f"{ROLE} Divide the market for the product into exactly {counted(payload.count, 'segment')}, by what "
        "people need. For each segment, describe one realistic person: name, age, occupation and main need. "
        f"Do not use a name, segment or need twice. {STYLE}",
        {"brief": payload.wire()},
        Sketches,
        draft=lambda: draft_sketches(payload),
        faults=faults,
    )


def portrait_prompt(payload: PersonasPayload, people: Sequence[Sketch], number: int) -> Prompt[Portrait]:
    """Ask for the details of persona ``number``, counted from 1."""
    sketch = people[number - 1]
    return Prompt(
        f"{ROLE} Describe the person in detail: situation, goals, frustrations, objections to the product, "
        "the channels on which to reach them, and a sentence that they might say. Keep to the outline, and "
        f"write nothing that would also be true of the other people. {STYLE}",
        {
            "brief": payload.wire(),
            "person": sketch.wire(),
            "others": [other.wire() for other in people if other is not sketch],
        },
        Portrait,
        draft=lambda: draft_portrait(payload, sketch),
    )
