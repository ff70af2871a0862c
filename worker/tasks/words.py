"""Small things that one does with a user's words."""

import random
import re
from collections.abc import Iterable, Sequence

_SMALL = set(
    "about after also because before from have into more most other over some than that their them then there "
    "these they this those very what when where which while with without your ours the and for our are was".split()
)


def unique(texts: Iterable[str]) -> list[str]:
    """The texts without those that differ from an earlier one in nothing but capitals and spaces."""
    return list({plain(text): text for text in reversed(list(texts))}.values())[::-1]


def plain(text: str) -> str:
    """A text as it is compared with others."""
    return " ".join(text.split()).casefold()


def listing(words: Sequence[str]) -> str:
    """``a, b and c``; there is at least one."""
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]


def clip(text: str, words: int = 12) -> str:
    """The first words of a text, without its full stop."""
    found = text.strip().rstrip(".!").split()
    return " ".join(found[:words]).rstrip(",;:") + ("…" if len(found) > words else "")


def lower_first(text: str) -> str:
    """The text as it would stand within a sentence; an abbreviation or a name of capitals stays one."""
    return text[:1].lower() + text[1:] if not text[1:2].isupper() else text


def upper_first(text: str) -> str:
    """The text as it would begin a sentence."""
    return text[:1].upper() + text[1:]


def quote(text: str) -> str:
    """A user's sentence within one of ours, as it was said."""
    return f"“{clip(text)}”"


def telling_words(text: str, count: int) -> list[str]:
    """The words that a text seems to be about: its longer ones, in their order."""
    found = dict.fromkeys(word.lower() for word in re.findall(r"[^\W\d_]{5,}", text))
    return [word for word in found if word not in _SMALL][:count]


def hashtag(text: str) -> str:
    """``slow craft`` as ``#SlowCraft``; empty where nothing is left of it."""
    words = re.findall(r"\w+", text)
    return "#" + "".join(map(upper_first, words)) if words else ""


def dice(*seed: object) -> random.Random:
    """Choices that look free and are always the same for the same input."""
    return random.Random("|".join(map(str, seed)))  # noqa: S311  no secret hangs on it
