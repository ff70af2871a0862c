"""Task types of a team of its own, which the React application of the tests starts."""

import asyncio
from typing import Literal

from pydantic import BaseModel

from herald import Context, task

POINTS = 4
PAUSE_S = 0.05
"""Between two words, so that a browser can see the draft grow."""


class News(BaseModel):
    company: str
    headline: str
    tone: Literal["formal", "warm"] = "formal"


class Release(BaseModel):
    paragraphs: list[str]


class Nothing(BaseModel):
    pass


@task("WRITE_PRESS_RELEASE", title="{headline}", steps=("Finding the angle", "Writing"))
async def write_press_release(ctx: Context, news: News) -> Release:
    """Writes a press release."""
    points = await ctx.step("Finding the angle", find_points, news)
    ctx.emit("angle", {"points": len(points)})
    return Release(paragraphs=await ctx.map("Writing", write_paragraph, points, ctx, limit=1))


def find_points(news: News) -> list[str]:
    return [f"{news.company}, reason {number}" for number in range(1, POINTS + 1)]


async def write_paragraph(point: str, ctx: Context) -> str:
    async with ctx.draft() as draft:
        for word in f"{point}: we are pleased to announce it".split():
            draft.write(f"{word} ")
            await asyncio.sleep(PAUSE_S)
    return f"{point}."


@task("PING")
async def ping(ctx: Context, nothing: Nothing) -> str:
    """Answers at once."""
    return "pong"
