"""What a principal may do: subscribe to a channel, see a task or a result, manage a task."""

from collections.abc import Mapping
from typing import Any

from herald.server.auth.principal import SERVICE, Principal
from herald.shared.tasks.channels import Channel
from herald.shared.tasks.models import PublicTask
from herald.shared.tasks.store import Store


def may_see(principal: Principal, task: PublicTask) -> bool:
    """Whether ``task`` belongs to the principal or to one of their brands; services see every task."""
    return principal.is_service or task.user_id == principal.user_id or task.brand_id in principal.brands


def may_manage(principal: Principal, task: PublicTask) -> bool:
    """Whether the principal may see the state of ``task``, cancel it and retry it."""
    return principal.is_operator or may_see(principal, task)


def may_read(principal: Principal, result: Mapping[str, Any]) -> bool:
    """Whether a result document belongs to the principal or to one of their brands; services read all."""
    return (
        principal.is_service
        or result.get("userId") == principal.user_id
        or result.get("brandId") in principal.brands
    )


def may_use_brand(principal: Principal, brand_id: str) -> bool:
    """Whether the principal may start and list tasks of a brand; services vouch for their users."""
    return brand_id in principal.brands or SERVICE in principal.scopes


def may_start(principal: Principal | None, start: str) -> bool:
    """Whether a principal may start tasks of a type whose option ``start`` is this; None is any user."""
    return start == "users" or (principal is not None and start in principal.scopes)


async def may_subscribe(principal: Principal, channel: str, store: Store) -> bool:
    """Whether the principal may subscribe to ``channel``; False if there can be no such channel.

    Raises:
        pymongo.errors.PyMongoError: a task's owner cannot be read.
    """
    match Channel.parse(channel):
        case Channel("user", user_id):
            return principal.is_service or user_id == principal.user_id
        case Channel("task", task_id):
            tasks = await store.queries.by_ids([task_id])
            return bool(tasks) and may_see(principal, tasks[0])
        case Channel("brand", brand_id):
            return principal.is_service or brand_id in principal.brands
        case Channel("ops"):
            return principal.is_operator
        case _:
            return False
