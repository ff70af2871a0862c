"""Amounts of money: splitting a budget and writing an amount in prose."""

from collections.abc import Sequence
from math import floor

from babel.numbers import format_currency, get_currency_precision


def minor_units(currency: str) -> int:
    """Number of decimal places in use for an ISO 4217 currency code (from the Unicode CLDR)."""
    return get_currency_precision(currency)


def formatted(amount: float, currency: str) -> str:
    """An amount in English notation, such as ``€1,234.50``."""
    return format_currency(amount, currency, locale="en")


def split(total: float, shares: Sequence[float], *, digits: int) -> list[float]:
    """Split ``total`` in proportion to ``shares``, in amounts with ``digits`` decimal places.

    The parts always add up to the total: the remainder goes to the parts that lost most by rounding. If the
    total is large enough, the parts are whole numbers, as a person would choose them; the largest part then
    also takes the total's decimal places.
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
