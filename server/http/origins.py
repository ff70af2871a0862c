"""Decides from which pages a browser may connect to the hub."""

from collections.abc import Collection, Mapping
from urllib.parse import urlsplit


def is_allowed(headers: Mapping[bytes, bytes], allowed: Collection[str]) -> bool:
    """Whether a request comes from a page of our own or an ``allowed`` origin, or from no page at all.

    ``headers`` have lower-case names; ``*`` allows every origin.
    """
    if b"origin" not in headers:
        return True
    origin = headers[b"origin"].decode("latin-1")
    if origin in allowed or "*" in allowed:
        return True
    try:
        return urlsplit(origin).netloc == headers.get(b"host", b"").decode("latin-1")
    except ValueError:
        return False
