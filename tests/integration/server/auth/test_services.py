"""Back ends with the scope ``service``: in their own name, and for their users."""

import pytest

from herald.shared.tasks.store import Store
from tests.support.client import PERSONAS, Herald
from tests.support.problems import problem


@pytest.fixture
def billing(herald: Herald) -> Herald:
    service = herald.other("billing")
    service.scope = "service"
    return service


def acting_for(user_id: str) -> dict[str, bytes]:
    return {"Herald-User": user_id.encode()}


@pytest.mark.parametrize("user_id", ["ada", "Søren 東"])
async def test_a_service_acts_for_the_user_in_the_header(
    herald: Herald, billing: Herald, store: Store, user_id: str
) -> None:
    headers = acting_for(user_id)
    task = await billing.create(PERSONAS | {"brandId": "acme"}, headers=headers)
    assert (task["userId"], task["brandId"]) == (user_id, "acme")
    path = f"/api/jobs/{task['taskId']}"
    await billing.post(f"{path}/cancel", headers=headers)
    await herald.other(user_id).post(f"{path}/retry")
    stored = await store.get(task["taskId"])
    assert stored is not None
    assert [entry.by for entry in stored.history] == ["service billing", "service billing", "user"]
    assert len((await billing.get("/api/jobs", headers=headers)).json()["tasks"]) == 1
    assert (await billing.get("/api/jobs")).json()["tasks"] == []


async def test_a_service_that_acts_for_a_user_sees_only_that_user_s_tasks(
    herald: Herald, billing: Herald
) -> None:
    task_id = (await herald.create(PERSONAS))["taskId"]
    for path in (f"/api/jobs/{task_id}", f"/api/jobs/{task_id}/payload"):
        assert (await billing.get(path)).status_code == 200
        assert (await billing.get(path, headers=acting_for("ada"))).status_code == 200
        problem(await billing.get(path, headers=acting_for("bob")), 404)
    problem(await billing.post(f"/api/jobs/{task_id}/cancel", headers=acting_for("bob")), 404)
    assert (await billing.post(f"/api/jobs/{task_id}/cancel")).json()["status"] == "cancelled"


async def test_only_services_may_act_for_a_user(herald: Herald) -> None:
    for client in (herald, herald.operator()):
        refused = problem(await client.get("/api/jobs", headers=acting_for("bob")), 400)
        assert "`service`" in refused["detail"]


@pytest.mark.parametrize("name", [b"", b"a\tb", b"\xff", b"x" * 256])
async def test_an_invalid_user_in_the_header_is_rejected(billing: Herald, name: bytes) -> None:
    problem(await billing.get("/api/jobs", headers={"Herald-User": name}), 400)


async def test_a_service_subscribes_to_the_tasks_of_all_users(herald: Herald, billing: Herald) -> None:
    task_id = (await herald.create(PERSONAS))["taskId"]
    async with billing.connected() as socket:
        for channel in ("tasks#ada", f"task:{task_id}", "brand:acme"):
            assert "subscribe" in await socket.call(subscribe={"channel": channel})
        assert (await socket.call(subscribe={"channel": "ops"}))["error"]["code"] == 103
        await herald.post(f"/api/jobs/{task_id}/cancel")
        assert (await socket.publication())["data"]["task"]["status"] == "cancelled"
