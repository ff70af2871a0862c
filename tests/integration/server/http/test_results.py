"""The results endpoints and their permissions."""

from herald.shared.tasks.models import now
from herald.shared.tasks.store import Store
from tests.support.client import Herald
from tests.support.problems import problem


async def test_results_are_readable_by_their_owner_and_brand(herald: Herald, store: Store) -> None:
    member = herald.other("eve", ["acme"])
    for collection in ("mediaPlanGroups", "brandKits"):
        result = {"_id": "r1", "taskId": "r1", "userId": "ada", "brandId": "acme", "createdAt": now(), "x": 1}
        await store.results.save(collection, result)
        found = (await herald.get(f"/api/{collection}/r1")).json()
        assert found["x"] == 1 and found["createdAt"].endswith("Z") and "_id" not in found
        assert (await member.get(f"/api/{collection}/r1")).status_code == 200
        problem(await herald.other("bob").get(f"/api/{collection}/r1"), 404)
        problem(await herald.get(f"/api/{collection}/other"), 404)
    await store.results.save("personas", {"_id": "t-01", "taskId": "t", "userId": "ada"})
    assert (await herald.get("/api/personas?taskId=t")).json() == {
        "personas": [{"taskId": "t", "userId": "ada"}]
    }
    problem(await herald.other("bob").get("/api/personas?taskId=t"), 404)
    problem(await herald.get("/api/personas"), 400)
