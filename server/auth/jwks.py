"""Public keys from a JWKS address (RFC 7517)."""

import asyncio
import json
import logging
import time
from typing import Any

import httpx2
import jwt

from herald.server.auth.errors import InvalidTokenError, KeysUnavailableError

log = logging.getLogger(__name__)

FRESH_S = 600.0
"""Keys older than this are fetched again."""
RETRY_S = 10.0
"""The shortest time between two fetches caused by unknown key ids."""
FIRST_RETRY_S = 1.0
"""The same, as long as no keys have been fetched."""
TIMEOUT_S = 5.0
MAX_BYTES = 1024 * 1024
MAX_SHOWN_ID = 200
"""An error message quotes this many characters of a key id."""


class KeySet:
    """The keys for one algorithm, fetched on first use and again when they are old or a key id is unknown.

    If a fetch fails, the previous keys stay in use. See docs/decisions/libraries.md for why this is
    not `jwt.PyJWKClient`.
    """

    def __init__(self, url: str, algorithm: str) -> None:
        self._url = url
        self._algorithm = algorithm
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched_at = float("-inf")
        self._fetching = asyncio.Lock()

    async def key(self, key_id: str) -> jwt.PyJWK:
        """The key with the id ``key_id``.

        Raises:
            InvalidTokenError: there is no such key.
            KeysUnavailableError: no keys have been fetched yet.
        """
        age_s = time.monotonic() - self._fetched_at
        retry_s = RETRY_S if self._keys else FIRST_RETRY_S
        if age_s > FRESH_S or (key_id not in self._keys and age_s > retry_s):
            await self._fetch()
        if not self._keys:
            raise KeysUnavailableError
        if key_id not in self._keys:
            raise InvalidTokenError(f"No {self._algorithm} key has the id {key_id[:MAX_SHOWN_ID]!a}")
        return self._keys[key_id]

    async def _fetch(self) -> None:
        before = self._fetched_at
        async with self._fetching:
            if self._fetched_at != before:
                return  # another caller has fetched them in the meantime
            try:
                async with asyncio.timeout(TIMEOUT_S):
                    self._keys = usable_keys(await self._document(), self._algorithm)
            except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError, ValueError, RecursionError) as error:
                log.warning("could not fetch the keys at HERALD_AUTH_JWKS_URL: %r", error)
            self._fetched_at = time.monotonic()  # also after a failure, so that the next try waits

    async def _document(self) -> Any:
        body = b""
        async with httpx2.AsyncClient() as http, http.stream("GET", self._url) as response:
            response.raise_for_status()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > MAX_BYTES:
                    raise ValueError(f"the document is larger than {MAX_BYTES} bytes")
        return json.loads(body)


def usable_keys(document: Any, algorithm: str) -> dict[str, jwt.PyJWK]:
    """The keys for ``algorithm`` in a JWKS document, by id; everything else in it is skipped.

    Raises:
        ValueError: there are none.
    """
    listed = document.get("keys") if isinstance(document, dict) else None
    keys = {}
    for entry in listed if isinstance(listed, list) else []:
        try:
            key = jwt.PyJWK(entry)
        except Exception as error:  # PyJWT does not document what it raises for a malformed key
            log.debug("skipping an unreadable key: %r", error)
            continue
        # With a key of another type or curve, PyJWT would fail instead of rejecting the token.
        if key.algorithm_name == algorithm and isinstance(key.key_id, str):
            keys[key.key_id] = key
    if not keys:
        raise ValueError(f"the document holds no key for {algorithm} that has a `kid`")
    return keys
