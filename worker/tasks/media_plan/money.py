"""Amounts of money, split so that nothing is left over."""

from collections.abc import Sequence
from math import floor

_WITHOUT_MINOR = frozenset(
    {
        "BIF",
        "CLP",
        "DJF",
        "GNF",
        "ISK",
        "JPY",
        "KMF",
        "KRW",
        "PYG",
        "RWF",
        "UGX",
        "UYI",
        "VND",
        "VUV",
        "XAF",
        "XOF",
        "XPF",
    }
)
_WITH_THREE = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})


def minor_units(currency: str) -> int:
    """How many decimal places a currency has (ISO 4217)."""
    return 0 if currency in _WITHOUT_MINOR else 3 if currency in _WITH_THREE else 2


def split(total: float, shares: Sequence[float], *, digits: int) -> list[float]:
    """``total`` in parts that are as ``shares`` are to each other, rounded to ``digits`` places.

    The parts add up to the total exactly: what rounding leaves over goes to those that lost most by it.
    Where the total is large enough they are whole, as a person would write them, but for what the total
    itself has behind the point, which goes to the largest.
    """
    unit = 10**digits
    amount = round(total * unit)
    step = unit if amount >= 20 * unit * len(shares) else 1
    whole, rest = divmod(amount, step)
    exact = [whole * share / sum(shares) for share in shares]
    parts = [floor(part) for part in exact]
    by_loss = sorted(range(len(parts)), key=lambda index: parts[index] - exact[index])
    for index in by_loss[: whole - sum(parts)]:
        parts[index] += 1
    amounts = [part * step for part in parts]
    amounts[parts.index(max(parts))] += rest
    return [amount / unit for amount in amounts]
