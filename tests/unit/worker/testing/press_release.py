"""A small task type, written as the documentation shows it, and one that asks the model."""

from pydantic import BaseModel

from herald import Context, Prompt, task


class News(BaseModel):
    company: str
    headline: str


class Release(BaseModel):
    paragraphs: list[str]


@task("WRITE_PRESS_RELEASE", retries=3, timeout=300, title="{headline}")
async def write_press_release(ctx: Context, news: News) -> Release:
    points = await ctx.step("Finding the angle", find_angle, ctx, news)
    paragraphs = await ctx.map("Writing", write_paragraph, points, ctx, limit=4)
    return Release(paragraphs=paragraphs)


async def find_angle(ctx: Context, news: News) -> list[str]:
    ctx.progress(0.5)
    ctx.emit("angle", {"company": news.company})
    return [news.headline, "Why it matters", "Contact"]


def write_paragraph(point: str, _: Context) -> str:
    return f"{point}."


class Slogan(BaseModel):
    text: str


@task("FIND_SLOGAN", retries=1)
async def find_slogan(ctx: Context, news: News) -> Slogan:
    return await ctx.ask_model(slogan_prompt(news), part="Slogan")


def slogan_prompt(news: News) -> Prompt[Slogan]:
    return Prompt(
        "Write a slogan.",
        {"news": news.model_dump()},
        Slogan,
        draft=lambda: Slogan(text=f"{news.company}, of course"),
        faults=lambda answer: ["it is too short"] if len(answer.text) < 3 else [],
    )


NEWS = News(company="Northlight", headline="The kiln is lit")
