"""Stores token revocations in MongoDB: for each user, the moment up to which tokens are revoked."""

import time
from datetime import UTC, datetime
from typing import Any

REVOCATION_KEPT_S = 31 * 24 * 3600
"""A revocation is deleted after this many seconds; a token that lives longer would become valid again."""


class RevocationStore:
    """The collection of revocations; ``Store.revocations`` is one.

    Each method raises ``pymongo.errors.PyMongoError`` if MongoDB cannot be reached.
    """

    def __init__(self, revocations: Any) -> None:
        self._revocations = revocations

    async def save(self, user_id: str, until: float) -> None:
        """Revoke a user's tokens that were issued up to ``until``, in Unix seconds.

        If a later moment is already stored, nothing changes.
        """
        # The index needs a date, which MongoDB keeps in whole milliseconds; tokens are compared with the
        # exact moment.
        changes = {"moment": until, "until": datetime.fromtimestamp(until, UTC)}
        await self._revocations.update_one({"_id": user_id}, {"$max": changes}, upsert=True)

    async def load(self) -> dict[str, float]:
        """All revocations of the last `REVOCATION_KEPT_S` seconds: moments in Unix seconds, by user id."""
        since = datetime.fromtimestamp(time.time() - REVOCATION_KEPT_S, UTC)
        found = await self._revocations.find({"until": {"$gt": since}}).to_list(None)
        return {document["_id"]: document["moment"] for document in found}
