"""Small task types for the tests of the engine, and their models."""

from typing import Any

from pydantic import Field

from herald.shared.task_api.context import Context
from herald.shared.task_api.prompt import Prompt
from herald.shared.task_api.task_type import TaskType, task
from herald.shared.tasks.models import Model
from herald.worker.loaded import LoadedType

OUTLINING, WRITING = "Outlining", "Writing"


class Brief(Model):
    topic: str
    count: int = Field(2, ge=1, le=40)


class Outline(Model):
    sections: list[str]


class Section(Model):
    text: str


class Report(Model):
    sections: list[str]


def outline_prompt(brief: Brief) -> Prompt[Outline]:
    sections = [f"Section {number} of {brief.topic}" for number in range(1, brief.count + 1)]

    def faults(answer: Outline) -> list[str]:
        return [] if len(answer.sections) == brief.count else [f"expected {brief.count} sections"]

    return Prompt(
        "Outline a report.",
        {"topic": brief.topic, "count": brief.count},
        Outline,
        draft=lambda: Outline(sections=sections),
        faults=faults,
    )


def section_prompt(title: str) -> Prompt[Section]:
    return Prompt(
        "Write a section.",
        {"title": title},
        Section,
        draft=lambda: Section(text=" ".join(["All about", title, "in detail."] * 10)),
    )


async def outline(ctx: Context, brief: Brief) -> Outline:
    return await ctx.ask_model(outline_prompt(brief))


async def section(title: str, ctx: Context) -> Section:
    return await ctx.ask_model(section_prompt(title))


@task("WRITE_REPORT", retries=3, timeout=60, steps=[OUTLINING, WRITING], title="{topic}")
async def write_report(ctx: Context, brief: Brief) -> Report:
    """Outline a report, then write its sections concurrently."""
    planned = await ctx.step(OUTLINING, outline, ctx, brief)
    sections = await ctx.map(WRITING, section, planned.sections, ctx)
    return Report(sections=[each.text for each in sections])


def loaded_types(*types: TaskType[Any, Any, Any], state: Any = None) -> dict[str, LoadedType]:
    """The task types as a worker has loaded them."""
    return {each.name: LoadedType(each, f"digest of {each.name}", state) for each in types}
