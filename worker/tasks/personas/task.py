"""``AUTO_GENERATE_PERSONAS``: profiles of a product's ideal customers."""

from herald import Context, task
from herald.worker.tasks.personas.answers import Sketch
from herald.worker.tasks.personas.payload import PersonasPayload
from herald.worker.tasks.personas.prompts import portrait_prompt, sketches_prompt
from herald.worker.tasks.personas.result import Persona, Personas


@task("AUTO_GENERATE_PERSONAS", steps=["Segmenting the market", "Writing personas"], title="{product}")
async def generate_personas(ctx: Context, brief: PersonasPayload) -> Personas:
    """Profiles of your ideal customers."""
    sketches = await ctx.step("Segmenting the market", sketch_people, ctx, brief)
    numbers = range(1, brief.count + 1)
    people = await ctx.map("Writing personas", write_persona, numbers, ctx, brief, sketches)
    return Personas(people=people)


async def sketch_people(ctx: Context, brief: PersonasPayload) -> list[Sketch]:
    """Outline all personas in one answer, so that they differ."""
    answer = await ctx.ask_model(sketches_prompt(brief))
    return answer.people


async def write_persona(number: int, ctx: Context, brief: PersonasPayload, sketches: list[Sketch]) -> Persona:
    """Describe one of the outlined people in detail."""
    portrait = await ctx.ask_model(portrait_prompt(brief, sketches, number), part=f"persona {number}")
    return Persona(number=number, **dict(sketches[number - 1]), **dict(portrait))
