"""The results endpoints and their permissions."""

from herald.shared.tasks.models import now
from herald.shared.tasks.store import Store
from tests.support.client import MEDIA_PLAN, PERSONAS, Herald
from tests.support.problems import problem
from tests.support.tasks import a_task


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


async def test_the_result_of_a_task_is_found_by_its_id(herald: Herald, store: Store) -> None:
    member, bob = herald.other("eve", ["acme"]), herald.other("bob")
    plan = (await herald.other("ada", ["acme"]).create(MEDIA_PLAN | {"brandId": "acme"}))["taskId"]
    personas = (await herald.create(PERSONAS))["taskId"]
    problem(await herald.get(f"/api/jobs/{plan}/result"), 404)
    owner = {"userId": "ada", "brandId": "acme"}
    await store.results.save("mediaPlanGroups", {"_id": plan, "taskId": plan, **owner, "objective": "x"})
    for number in (1, 2):
        person = {"_id": f"{personas}-0{number}", "taskId": personas, "userId": "ada", "number": number}
        await store.results.save("personas", person)
    found = (await member.get(f"/api/jobs/{plan}/result")).json()
    assert found == (await herald.get(f"/api/mediaPlanGroups/{plan}")).json()
    people = (await herald.get(f"/api/jobs/{personas}/result")).json()["people"]
    assert [person["number"] for person in people] == [1, 2]
    for task_id in (plan, personas, "unknown"):
        problem(await bob.get(f"/api/jobs/{task_id}/result"), 404)


async def test_results_without_a_collection_of_their_own_are_the_values_themselves(
    herald: Herald, store: Store
) -> None:
    for number, value in enumerate(({"a": [1]}, ["x"], "text", 0, None)):
        task = a_task(task_id=f"t{number}", type="NEWS", result={"taskId": f"t{number}"})
        await store.create(task)
        await store.results.save(
            "results", {"_id": task.task_id, "taskId": task.task_id, "userId": "ada", "result": value}
        )
        response = await herald.get(f"/api/jobs/{task.task_id}/result")
        assert (response.status_code, response.json()) == (200, value)
    problem(await herald.get("/api/results/t0"), 404)


async def test_a_payload_is_shown_to_those_who_see_the_task(herald: Herald) -> None:
    task_id = (await herald.create(PERSONAS))["taskId"]
    shown = (await herald.get(f"/api/jobs/{task_id}/payload")).json()
    assert shown == {"product": "A bicycle bell", "market": None, "count": 2}
    problem(await herald.other("bob").get(f"/api/jobs/{task_id}/payload"), 404)
    problem(await herald.operator().get(f"/api/jobs/{task_id}/payload"), 404)


async def test_a_collection_of_no_task_type_is_not_served(herald: Herald) -> None:
    for path in ("/api/taskTypeOwners", "/api/tasks/x", "/api/checkpoints?taskId=x"):
        assert problem(await herald.get(path), 404)["detail"].startswith("No endpoint at")
    problem(await herald.get("/api/token"), 405)
