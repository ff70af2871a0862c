"""Texts that come from a task's code, made fit to be stored and published."""


def storable(text: object, limit: int | None = None) -> str:
    """``text`` without lone surrogates, which neither JSON nor MongoDB can encode; at most ``limit`` long."""
    return str(text)[:limit].encode("utf-8", "replace").decode()
