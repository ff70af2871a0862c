"""Drafts a brand kit by fixed rules, for the offline provider."""

import re
from typing import NamedTuple

from herald.worker.tasks.brand_kit.answers import Colour, Logo, Look, Positioning, Rule, Typeface, Voice
from herald.worker.tasks.brand_kit.colour import READABLE, VISIBLE, from_hsl, hue_name, with_contrast
from herald.worker.tasks.brand_kit.payload import BrandKitPayload
from herald.worker.tasks.words import (
    clip,
    full_stop,
    in_quotes,
    lower_article,
    quote,
    seeded,
    sentence_start,
    unique,
    upper_first,
    without_article,
)

USUAL_VALUES = ("care", "clarity", "reliability")
"""The suggestion for a brand without values of its own."""
USUAL_TRAITS = ("warm", "clear", "honest")

HUES = {
    "sea": 198, "ocean": 198, "water": 198, "blue": 216, "sky": 202, "ice": 191, "health": 180, "clean": 180,
    "dental": 180, "dentist": 180, "clinic": 184, "forest": 137, "garden": 119, "green": 130, "nature": 126,
    "plant": 126, "farm": 101, "tea": 108, "clay": 18, "pottery": 18, "earth": 25, "wood": 29, "coffee": 25,
    "bread": 36, "bakery": 36, "bäckerei": 36, "brot": 36, "sun": 43, "light": 47, "honey": 43, "gold": 47, "food": 12,
    "fire": 8, "energy": 14, "rose": 342, "flower": 331, "beauty": 335, "love": 346, "wine": 342, "night": 252,
    "star": 245, "software": 238, "data": 223, "tech": 230, "bank": 216, "law": 223, "music": 281, "game": 274,
}  # fmt: skip
"""Hues in degrees that people associate with a word."""

MOTIFS = {
    "dog": "A paw print", "puppy": "A paw print", "pet": "A paw print", "cat": "A cat’s silhouette",
    "horse": "A horse’s head", "bird": "A bird in flight", "bicycle": "A wheel", "bike": "A wheel", "loaf": "An ear of wheat",
    "bread": "An ear of wheat", "bakery": "An ear of wheat", "bäckerei": "An ear of wheat", "brot": "An ear of wheat",
    "sourdough": "An ear of wheat", "cake": "A slice of cake", "coffee": "A coffee bean", "kaffee": "A coffee bean",
    "tea": "A tea leaf", "wine": "A vine leaf", "beer": "A hop cone", "restaurant": "A fork and a spoon", "food": "A fork and a spoon",
    "pottery": "A bowl", "tableware": "A bowl", "ceramics": "A bowl", "sea": "A wave", "ocean": "A wave", "water": "A drop of water",
    "forest": "A tree", "wood": "A tree", "garden": "A leaf", "plant": "A leaf", "farm": "A sprouting seed", "flower": "A blossom",
    "rose": "A rose", "honey": "A honeycomb", "book": "An open book", "school": "An open book", "music": "A sound wave",
    "house": "A roof", "home": "A roof", "travel": "A winding road", "clinic": "A plus sign", "dentist": "A tooth",
    "accountant": "A rising column", "accountancy": "A rising column", "payroll": "A calendar page", "law": "A pair of scales",
}  # fmt: skip
"""A subject for the symbol of a brand whose brief has a word."""

NAME_LENGTH = 60


class Pairing(NamedTuple):
    """Two typefaces that work together, and the tones of voice that they suit."""

    tones: frozenset[str]
    heading: Typeface
    body: Typeface


FREE = "Free to use under the Open Font License."
PAIRINGS = [
    Pairing(
        frozenset("calm warm quiet honest craft crafts patience tradition traditional".split()),
        Typeface(family="Fraunces", fallback="Georgia, serif", reason=f"A warm serif that gives headings character. {FREE}"),
        Typeface(family="Inter", fallback="system-ui, sans-serif", reason=f"Easy to read on screens at any size. {FREE}"),
    ),
    Pairing(
        frozenset("bold direct technical precise modern fast software technology".split()),
        Typeface(family="Space Grotesk", fallback="Arial, sans-serif", reason=f"A clear, technical typeface that stands out in headings. {FREE}"),
        Typeface(family="Source Sans 3", fallback="system-ui, sans-serif", reason=f"Neutral and comfortable to read in longer texts. {FREE}"),
    ),
    Pairing(
        frozenset("playful fun young friendly cheerful".split()),
        Typeface(family="Baloo 2", fallback="Verdana, sans-serif", reason=f"Round and friendly without being childish. {FREE}"),
        Typeface(family="Nunito", fallback="system-ui, sans-serif", reason=f"Soft shapes that stay readable at small sizes. {FREE}"),
    ),
    Pairing(
        frozenset("elegant luxury fine exclusive classic".split()),
        Typeface(family="Playfair Display", fallback="Georgia, serif", reason=f"A classic serif with strong contrast for headings. {FREE}"),
        Typeface(family="Lato", fallback="system-ui, sans-serif", reason=f"A calm partner for an expressive heading. {FREE}"),
    ),
]  # fmt: skip


def _name(payload: BrandKitPayload) -> str:
    name = " ".join(payload.brand_name.split())
    return name if 0 < len(name) <= NAME_LENGTH else clip(payload.brand_name, 8, NAME_LENGTH)


def _values(payload: BrandKitPayload) -> list[str]:
    """The brand's values, or a suggestion if it names none."""
    return unique(clip(value, 6, 50) for value in payload.values) or list(USUAL_VALUES)


def _offer(payload: BrandKitPayload) -> str:
    """The description, short enough for one sentence and ready to follow a colon."""
    return lower_article(clip(payload.description, 25, 180))


def _sector(payload: BrandKitPayload) -> str:
    """Where the brand competes, to follow a noun such as “brands”."""
    if payload.industry is None:
        return "in this field"
    industry = re.sub(r"(?i)\s+(sector|industry|market)$", "", clip(payload.industry, 6, 50))
    return f"in the {industry} sector"


def draft_positioning(payload: BrandKitPayload) -> Positioning:
    """The positioning, from the brand's name, description, industry and values."""
    name, values, sector = _name(payload), _values(payload), _sector(payload)
    first, last, start = values[0], values[-1], sentence_start(name)
    guides = "one value" if len(values) == 1 else "these values"
    about = f"About {name}: {full_stop(_offer(payload))}"
    if (subject := _offer(payload).lower()) in HUES | MOTIFS:
        about = f"{start} is all about one thing: {subject}."
    return Positioning(
        positioning=f"{about} What sets it apart from other brands {sector}: {full_stop(', '.join(values[:3]))}",
        mission=f"The mission of {name} is to be a brand that people trust. Every decision is guided by {guides}: {full_stop(', '.join(values))}",
        audience=f"People who look closely before they choose a brand {sector}, and who stay loyal to {name} as long as it keeps its promises.",
        difference=f"Most brands {sector} talk about what they offer. {start} shows how it works and lets people judge for themselves.",
        taglines=unique([
            f"{full_stop(start)} {full_stop(f'{upper_first(first)}, every day')}",
            f"{start}: see for yourself.",
            f"{full_stop(upper_first(last))} Simply {full_stop(name)}",
            f"Choose well. Choose {full_stop(name)}",
        ]),
    )  # fmt: skip


def draft_voice(payload: BrandKitPayload) -> Voice:
    """The voice, from tone and values."""
    name, values = _name(payload), _values(payload)
    start = sentence_start(name)
    tones = re.split(r"\s*(?:[,;/&、]|\band\b)\s*", payload.tone or "", flags=re.IGNORECASE)
    traits = unique(clip(tone, 6, 50) for tone in tones if tone.strip(" .!")) or list(USUAL_TRAITS)
    return Voice(
        traits=traits,
        do=[
            Rule(rule="Answer the reader’s question first", example="“You asked how long it takes. Most people hear from us within two days.”"),
            Rule(rule=f"Keep the same tone everywhere, from the website to the invoice: {', '.join(traits)}", example=f"“Thank you for your message. We will get back to you within two days. Kind regards, the team at {full_stop(name)}”"),
            Rule(rule=f"Show the values instead of naming them: {', '.join(values)}", example=f"“This is how we work at {name}, step by step, so that you can judge for yourself.”"),
        ],
        dont=[
            Rule(rule="Claim what nobody can check", example=f"“{start} is the best choice in the world!”"),
            Rule(rule=f"Make {name} the hero of every sentence", example=f"“{start} is proud to announce that {name} has won another award.”"),
            Rule(rule="Hide behind jargon", example="“We leverage synergies to deliver best-in-class outcomes.”"),
        ],
        sample=f"Welcome to {full_stop(name)} In short: {full_stop(_offer(payload))} We listen first, we are open about what we can and cannot do, and we keep our word. If you have a question, just ask.",
    )  # fmt: skip


def draft_look(payload: BrandKitPayload) -> Look:
    """The look: colours from the subject of the brand, typefaces from its tone."""
    name = _name(payload)
    brief = " ".join([payload.brand_name, payload.description, payload.industry or "", *payload.values, payload.tone or ""]).lower()  # fmt: skip
    words, chance = set(re.findall(r"\w+", brief)), seeded(brief)
    hue = next((hue for word, hue in HUES.items() if {word, f"{word}s"} & words), chance.randrange(360))
    accent_hue = hue + 160 + chance.randrange(-18, 18)
    background = from_hsl(hue, 0.4, 0.97)
    primary = with_contrast(from_hsl(hue, 0.62, 0.36), background, READABLE)
    secondary = with_contrast(from_hsl(hue + 30, 0.4, 0.5), background, VISIBLE)
    accent = with_contrast(from_hsl(accent_hue, 0.75, 0.5), background, VISIBLE)
    text = with_contrast(from_hsl(hue, 0.3, 0.14), background, READABLE)
    pairing = next((pairing for pairing in PAIRINGS if pairing.tones & words), None)
    pairing = pairing or chance.choice(PAIRINGS)
    motif = next((motif for word, motif in MOTIFS.items() if {word, f"{word}s"} & words), None)
    initial = next((letter.upper() for letter in without_article(name) if letter.isalnum()), None)
    return Look(
        primary=Colour(name=f"Deep {hue_name(hue)}", hex=primary, usage="Headings, buttons and the logo"),
        secondary=Colour(name=f"Muted {hue_name(hue + 30)}", hex=secondary, usage="Secondary buttons, charts and dividers"),
        accent=Colour(name=f"Bright {hue_name(accent_hue)}", hex=accent, usage="Highlights, at most one per page"),
        background=Colour(name=f"Pale {hue_name(hue)}", hex=background, usage="Page background"),
        text=Colour(name="Ink", hex=text, usage="Body text"),
        heading=pairing.heading,
        body=pairing.body,
        logo_directions=[
            Logo(name="Lettermark", idea=f"The initial {quote(initial)} as one solid shape that works at any size") if initial
            else Logo(name="Seal", idea=f"A round seal with {in_quotes(name)} at its centre"),
            Logo(name="Wordmark", idea=f"The name {in_quotes(name)} set in {pairing.heading.family}, with one letter drawn by hand"),
            Logo(name="Symbol", idea=f"{motif or 'An abstract mark'}, reduced to a few clear lines, to be used with and without the name"),
        ],
    )  # fmt: skip
