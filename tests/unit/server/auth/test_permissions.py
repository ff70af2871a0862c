"""What a principal may do, by owner, brand and scope."""

from collections.abc import Sequence

import pytest

from herald.server.auth.permissions import (
    may_manage,
    may_read,
    may_see,
    may_start,
    may_subscribe,
    may_use_brand,
)
from herald.server.auth.principal import Principal
from herald.shared.tasks.models import PublicTask
from tests.support.tasks import a_task

ADA = Principal("ada", frozenset({"acme"}), None, 0)
OPERATOR = Principal("olga", frozenset(), None, 0, frozenset({"operator"}))
SERVICE = Principal("billing", frozenset(), None, 0, frozenset({"service", "operator", "reports"}))
FOR_ADA = SERVICE.acting_for("ada")
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


@pytest.mark.parametrize("channel", ["tasks#bob", "task:foreign", "brand:other"])
async def test_services_subscribe_to_the_tasks_of_all_users(channel: str) -> None:
    assert await may_subscribe(SERVICE, channel, Store())  # type: ignore[arg-type]
    assert not await may_subscribe(FOR_ADA, channel, Store())  # type: ignore[arg-type]


def test_a_service_acts_for_a_user_with_that_user_s_rights() -> None:
    assert all(may_see(SERVICE, task) and may_manage(SERVICE, task) for task in TASKS.values())
    assert {name for name, task in TASKS.items() if may_manage(FOR_ADA, task)} == {"own"}
    assert may_read(SERVICE, {"userId": "bob"}) and not may_read(FOR_ADA, {"userId": "bob"})
    assert (SERVICE.actor, FOR_ADA.actor, ADA.actor) == ("service billing", "service billing", "user")
    assert not FOR_ADA.is_operator


def test_services_vouch_for_the_brands_of_their_users() -> None:
    assert may_use_brand(FOR_ADA, "any") and may_use_brand(ADA, "acme")
    assert not may_use_brand(ADA, "any") and not may_use_brand(OPERATOR, "any")


def test_a_type_is_started_by_users_by_services_or_by_a_scope() -> None:
    assert all(may_start(each, "users") for each in (None, ADA, FOR_ADA))
    assert may_start(SERVICE, "service") and may_start(FOR_ADA, "service")
    assert not may_start(ADA, "service") and not may_start(None, "service")
    assert may_start(FOR_ADA, "reports") and not may_start(ADA, "reports")


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
