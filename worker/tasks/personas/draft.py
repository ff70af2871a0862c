"""Drafts personas by fixed rules, for the offline provider."""

import re

from herald.worker.tasks.personas.answers import Portrait, Sketch, Sketches
from herald.worker.tasks.personas.payload import PersonasPayload
from herald.worker.tasks.personas.segments import BUSINESS_WORDS, BUSINESSES, GENERAL, SEGMENTS
from herald.worker.tasks.words import clip, headline, lower_article, seeded, upper_first

NAMES = (
    "Amira Jonas Mei Tomás Ingrid Kofi Lucia Arjun Noor Samuel Freja Mateo Hana Oluwaseun Elif Piotr Yara Lars "
    "Chiara Dmitri Aisha Henrik Sofia Kwame Leila Marek Anneke Rafael Sana Emil"
).split()


def draft_sketches(payload: PersonasPayload) -> Sketches:
    """Sketch a person for each segment; the same product always gets the same people."""
    chance = seeded(payload.product, payload.market)
    words = set(re.findall(r"\w+", f"{payload.product} {payload.market or ''}".lower()))
    known, first = (BUSINESSES, 1) if words & BUSINESS_WORDS else (SEGMENTS, GENERAL)
    segments = chance.sample(known[:first], first) + chance.sample(known[first:], len(known) - first)
    names = chance.sample(NAMES, payload.count)
    market = f" ({clip(payload.market, 10, 80)})" if payload.market else ""
    return Sketches(
        people=[
            Sketch(
                segment=f"{segment.name}{market}",
                name=name,
                age=chance.randint(*segment.ages),
                occupation=upper_first(chance.choice(segment.occupations)),
                need=segment.need,
            )
            for segment, name in zip(segments[: payload.count], names, strict=True)
        ]
    )


def draft_portrait(payload: PersonasPayload, sketch: Sketch) -> Portrait:
    """Describe the sketched person in full."""
    segment = next(
        (each for each in SEGMENTS + BUSINESSES if sketch.segment.startswith(each.name)), SEGMENTS[0]
    )
    situation = segment.situation.format(product=_offer(payload.product))
    return Portrait(
        situation=f"{sketch.name} {situation}",
        goals=list(segment.goals),
        frustrations=list(segment.frustrations),
        objections=list(segment.objections),
        channels=list(segment.channels),
        quote=segment.quote,
    )


def _offer(product: str) -> str:
    """The product as someone from outside would name it, for the end of a sentence after a colon."""
    outside = re.sub(
        r"(?i)^(?:(?:we|i)\s+(?:sell|offer|make|build|provide)|our|my)\s+(?=\w)", "", product.strip()
    )
    return lower_article(headline(outside, 14, 100))
