"""Helpers for fitting a user's words into our sentences."""

import random
import re
from collections.abc import Iterable, Sequence

_COMMON = set(
    "about after also because before from have into more most other over some than that their them then there "
    "these they this those very what when where which while with without your ours the and for our are was".split()
)
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
    inside = re.sub(r"[“”„«»\"]", "’", clip(text, words, characters))
    return f"“{inside}”"


def full_stop(text: str) -> str:
    """The text with a full stop, unless it already ends like a sentence."""
    return text if text.endswith(tuple(_ENDS_A_SENTENCE)) else f"{text}."


def upper_first(text: str) -> str:
    """Capitalise the first letter, unless the first word already contains capitals, such as ``iPhone``."""
    first = text.split(maxsplit=1)[0] if text.strip() else ""
    return text[:1].upper() + text[1:] if first.islower() else text


def long_words(text: str, count: int) -> list[str]:
    """The first ``count`` words of five or more letters; they usually say what a text is about."""
    words = dict.fromkeys(word.lower() for word in re.findall(r"[^\W\d_]{5,}", text))
    return [word for word in words if word not in _COMMON][:count]


def hashtag(text: str) -> str:
    """``slow craft`` as ``#SlowCraft``; empty if the text has no letters or digits."""
    words = re.findall(r"\w+", text)
    return "#" + "".join(word[:1].upper() + word[1:] for word in words) if words else ""


def seeded(*seed: object) -> random.Random:
    """A random generator that makes the same choices for the same input."""
    return random.Random("|".join(map(str, seed)))  # noqa: S311  not used for secrets
