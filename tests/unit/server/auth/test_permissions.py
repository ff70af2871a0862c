"""What a principal may do, by owner, brand and scope."""

from collections.abc import Sequence

import pytest

from herald.server.auth.permissions import may_manage, may_read, may_see, may_subscribe
from herald.server.auth.principal import Principal
from herald.shared.tasks.models import PublicTask
from tests.support.tasks import a_task

ADA = Principal("ada", frozenset({"acme"}), None, 0)
OPERATOR = Principal("olga", frozenset(), None, 0, frozenset({"operator"}))
TASKS = {
    "own": a_task(task_id="own"),
    "brand": a_task(task_id="brand", user_id="bob", brand_id="acme"),
    "foreign": a_task(task_id="foreign", user_id="bob", brand_id="other"),
}


class Store:
    """A store whose queries find `TASKS`."""

    @property
    def queries(self) -> "Store":
        return self

    async def by_ids(self, task_ids: Sequence[str]) -> list[PublicTask]:
        return [TASKS[task_id].public() for task_id in task_ids if task_id in TASKS]


@pytest.mark.parametrize(
    ("channel", "ada", "operator"),
    [
        ("tasks#ada", True, False),
        ("tasks#bob", False, False),
        ("tasks#olga", False, True),
        ("tasks#", False, False),
        ("task:own", True, False),
        ("task:brand", True, False),
        ("task:foreign", False, False),
        ("task:unknown", False, False),
        ("brand:acme", True, False),
        ("brand:other", False, False),
        ("brand:", False, False),
        ("ops", False, True),
        ("nonsense", False, False),
        ("", False, False),
    ],
)
async def test_subscriptions_need_the_owner_the_brand_or_the_scope(
    channel: str, ada: bool, operator: bool
) -> None:
    assert await may_subscribe(ADA, channel, Store()) is ada  # type: ignore[arg-type]
    assert await may_subscribe(OPERATOR, channel, Store()) is operator  # type: ignore[arg-type]


async def test_a_brand_without_a_name_opens_no_channel() -> None:
    member = ADA._replace(brands=frozenset({""}))
    assert not await may_subscribe(member, "brand:", Store())  # type: ignore[arg-type]


def test_operators_manage_every_task_but_see_only_their_own() -> None:
    assert {name for name, task in TASKS.items() if may_see(ADA, task)} == {"own", "brand"}
    assert {name for name, task in TASKS.items() if may_manage(ADA, task)} == {"own", "brand"}
    assert not any(may_see(OPERATOR, task) for task in TASKS.values())
    assert all(may_manage(OPERATOR, task) for task in TASKS.values())


def test_results_are_read_by_their_owner_and_their_brand() -> None:
    assert may_read(ADA, {"userId": "ada"})
    assert may_read(ADA, {"userId": "bob", "brandId": "acme"})
    for document in ({"userId": "bob", "brandId": "other"}, {"userId": "bob"}, {}):
        assert not may_read(ADA, document)
        assert not may_read(OPERATOR, document)
