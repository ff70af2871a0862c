"""The tasks of this project: ``herald dev press_release.tasks`` runs them."""

import asyncio
import os

from herald import Context, task
from press_release.models import News, Release

PAUSE_S = float(os.environ.get("PRESS_RELEASE_PAUSE_S", "0.5"))
"""How long writing a sentence takes, in seconds; there is no model here, so that the example needs no key."""


@task("WRITE_PRESS_RELEASE", retries=3, timeout=300, title="{headline}")
async def write_press_release(ctx: Context, news: News) -> Release:
    """Write a press release with a paragraph for each fact."""
    points = await ctx.step("Finding the angle", find_angle, news)
    paragraphs = await ctx.map("Writing", write_paragraph, points, ctx, limit=2)
    contact = await ctx.step("Looking up the contact", look_up_contact, news.company)
    return Release(headline=news.headline, paragraphs=paragraphs, contact=contact)


async def find_angle(news: News) -> list[str]:
    """Put the most surprising fact first: the one with the most digits."""
    await asyncio.sleep(PAUSE_S)
    return sorted(news.facts, key=lambda fact: -sum(letter.isdigit() for letter in fact))


async def write_paragraph(point: str, ctx: Context) -> str:
    """Write a paragraph about one point, word by word."""
    text = f"{point.rstrip('.')}. That is what customers have been asking for."
    async with ctx.draft(point) as draft:
        for word in text.split():
            draft.write(f"{word} ")
            await asyncio.sleep(PAUSE_S / 10)
    return text


def look_up_contact(company: str) -> str:
    """Look up the press contact; a synchronous function, so it runs in a thread."""
    return f"press@{''.join(filter(str.isalnum, company)).lower()}.example"
