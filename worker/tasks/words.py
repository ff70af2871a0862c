"""Helpers for fitting a user's words into our sentences."""

import random
import re
from collections.abc import Iterable, Sequence

_ACRONYMS = frozenset("ai api b2b b2c diy erp faq gps iot led ngo roi saas sem seo uk usa usb ux vat".split())
"""Acronyms with a vowel; those without one are recognised by that."""
_ARTICLES = frozenset("the a an der die das le la les".split())
_LOOSE = _ARTICLES | frozenset(
    "and as at but by for from in into of off on or our over so than that their to until via we when which who with "
    "within your el los las und in im für mit von zu bei auf et de du des pour avec y con para".split()
)
"""Words that leave a phrase open at its end."""
_ENDS_A_SENTENCE = ".!?…。！？"


def unique(texts: Iterable[str]) -> list[str]:
    """Drop texts that differ from an earlier one only in case or spacing."""
    first: dict[str, str] = {}
    for text in texts:
        first.setdefault(plain(text), text)
    return list(first.values())


def plain(text: str) -> str:
    """A text in a form for comparison: single spaces, no case."""
    return " ".join(text.split()).casefold()


def counted(number: int, noun: str) -> str:
    """``1 post`` or ``2 posts``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def listing(words: Sequence[str], conjunction: str = "and") -> str:
    """``a, b and c``; expects at least one word."""
    return f"{', '.join(words[:-1])} {conjunction} {words[-1]}" if len(words) > 1 else words[0]


def clip(text: str, words: int = 12, characters: int = 90) -> str:
    """The beginning of a text in one line, without punctuation at its end.

    Texts in scripts without spaces are cut by their length in characters.
    """
    every = text.split()
    line = " ".join(every[:words])
    is_cut = len(every) > words or len(line) > characters
    if len(line) > characters:
        line = line[:characters].rsplit(" ", 1)[0]
    line = line.rstrip(" .,;:!…。、！" if not is_cut else " .,;:!?…。、！？-–—")
    return (line or text) + ("…" if is_cut else "")


def quote(text: str, words: int = 12, characters: int = 90) -> str:
    """A user's words in quotation marks, so that they fit wherever a name or a title fits."""
    return in_quotes(clip(text, words, characters))


def in_quotes(text: str) -> str:
    """The text in quotation marks, in which no others nest."""
    inside = re.sub(r"[“”„«»\"]", "’", text)
    return f"“{inside}”"


def full_stop(text: str) -> str:
    """The text with a full stop, unless it already ends like a sentence."""
    return text if text.endswith(tuple(_ENDS_A_SENTENCE)) else f"{text}."


def upper_first(text: str) -> str:
    """Capitalise the first letter, unless the first word has its own spelling, such as ``iPhone`` or ``crm``."""
    first = text.split(maxsplit=1)[0] if text.strip() else ""
    letters = re.sub(r"\W", "", first)
    is_acronym = letters in _ACRONYMS or re.fullmatch(r"[bcdfghjklmnpqrstvwxz]{2,}|\w*\d\w*", letters)
    return text[:1].upper() + text[1:] if first.islower() and not is_acronym else text


def headline(text: str, words: int = 10, characters: int = 60) -> str:
    """The beginning of a text as a title: no full stop at its end and, where it is cut, no loose word."""
    line = clip(text, words, characters)
    if line.endswith("…") and not text.strip().endswith("…"):
        sentence = re.split(r"[.!?;:]\s", line)[0].rstrip("…").split()
        while len(sentence) > 1 and sentence[-1].strip(",").lower() in _LOOSE:
            sentence.pop()
        line = " ".join(sentence)
    return line.rstrip(" ,;:…?？-–—") or line


def without_article(text: str) -> str:
    """The text without an article at its beginning, unless it is nothing else."""
    first, _, rest = text.partition(" ")
    return rest if rest and first.lower() in _ARTICLES else text


def lower_article(text: str) -> str:
    """The text for the middle of a sentence: without the capital letter of an English article at its beginning."""
    return re.sub(r"^(?:A|An|The) ", lambda article: article[0].lower(), text)


def sentence_start(name: str) -> str:
    """A name at the beginning of a sentence: an article gets its capital letter, a brand keeps its spelling."""
    return upper_first(name) if without_article(name) != name else name


def hashtag(text: str) -> str:
    """``slow craft`` as ``#SlowCraft``; empty if the text has no letters or digits."""
    words = re.findall(r"\w+", text)
    return "#" + "".join(word[:1].upper() + word[1:] for word in words) if words else ""


def seeded(*seed: object) -> random.Random:
    """A random generator that makes the same choices for the same input."""
    return random.Random("|".join(map(str, seed)))  # noqa: S311  not used for secrets
