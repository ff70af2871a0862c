"""``AUTO_GENERATE_PERSONAS``: the people whom a product is for."""

from collections.abc import Iterator, Sequence

from herald.shared.tasks.task_types import PersonasPayload
from herald.worker.llm.provider import Prompt
from herald.worker.tasks.base import PlannedStep, Result, Steps, document
from herald.worker.tasks.personas.draft import Portrait, Sketch, Sketches, draft_portrait, draft_sketches

SEGMENTS, PORTRAITS = "Dividing the market", "Writing personas"


class PersonasGenerator:
    """First everybody in outline, so that no two are alike; then each in full, at the same time."""

    task_type = "AUTO_GENERATE_PERSONAS"

    def plan(self, payload: PersonasPayload) -> Sequence[PlannedStep]:
        """Two steps; the second weighs as much as there are personas."""
        return [PlannedStep(SEGMENTS, 2), PlannedStep(PORTRAITS, 2 + payload.count, parts=payload.count)]

    async def generate(self, steps: Steps, payload: PersonasPayload) -> Result:
        """One document a persona."""
        async with steps.run(SEGMENTS) as step:
            people = (await step.ask(_about_market(payload))).people
        async with steps.run(PORTRAITS) as step:
            portraits = await step.ask_each(
                {
                    f"persona {number}": _about_person(payload, people, number)
                    for number in range(1, payload.count + 1)
                }
            )
        task = steps.task
        documents = [
            document(task, {"number": number, **sketch.wire(), **portrait.wire()}, number)
            for number, (sketch, portrait) in enumerate(zip(people, portraits.values(), strict=True), 1)
        ]
        ids = [made["personaId"] for made in documents]
        return Result(documents, {"taskId": task.task_id, "personaIds": ids})


def _about_market(payload: PersonasPayload) -> Prompt[Sketches]:
    def faults(answer: Sketches) -> Iterator[str]:
        if len(answer.people) != payload.count:
            yield f"there are {len(answer.people)} people, not {payload.count}"
        for field in ("name", "segment", "need"):
            values = [str(getattr(person, field)).strip().casefold() for person in answer.people]
            if len(set(values)) != len(values):
                yield f"two people have the same {field}"

    return Prompt(
        f"You research markets. Divide the product's market into exactly {payload.count} segments that need "
        "different things from it, and name one believable person for each: name, age, occupation, and what "
        "they need. No two names, segments or needs alike. Write in the brief's language.",
        {"brief": payload.wire()},
        Sketches,
        lambda: draft_sketches(payload),
        faults,
    )


def _about_person(payload: PersonasPayload, people: Sequence[Sketch], number: int) -> Prompt[Portrait]:
    sketch = people[number - 1]
    return Prompt(
        "You research markets. Write the person in full: situation, goals, frustrations, objections to the "
        "product, where they can be reached, and a sentence that they would say. Stay true to the outline, "
        "and say nothing that would fit the others as well. Write in the brief's language.",
        {
            "brief": payload.wire(),
            "person": sketch.wire(),
            "others": [other.wire() for other in people if other is not sketch],
        },
        Portrait,
        lambda: draft_portrait(payload, sketch),
    )
