"""Storing token revocations."""

import time

from herald.shared.tasks.store import Store
from tests.support.tasks import BOTH_DRIVERS

pytestmark = BOTH_DRIVERS


async def test_a_revocation_is_exact_and_never_moves_back(store: Store) -> None:
    at = time.time()
    await store.revocations.save("ada", at)
    await store.revocations.save("ada", at - 10)
    assert await store.revocations.load() == {"ada": at}


async def test_a_revocation_expires_after_a_month(store: Store) -> None:
    await store.revocations.save("bob", time.time() - 32 * 24 * 3600)
    assert await store.revocations.load() == {}
    indexes = await store._database["revocations"].index_information()
    expiries = [index["expireAfterSeconds"] for index in indexes.values() if "expireAfterSeconds" in index]
    assert expiries == [31 * 24 * 3600]
