"""Groups task types by the workers that run them, because tasks of one group wait for the same slots."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple


class Group(NamedTuple):
    """Task types, and the slots of all workers that run any of them."""

    types: frozenset[str]
    slots: int


def groups_of(workers: Iterable[Mapping[str, Any]]) -> list[Group]:
    """The groups of all task types that are online; a type is in one group only.

    Two types are in one group if a worker runs both, directly or through further types. Where workers of one
    group run different types, counting all its slots for each type is too optimistic.

    Args:
        workers: the reports of the workers, with ``slots`` and ``types``.
    """
    groups: list[Group] = []
    for worker in workers:
        types, slots = frozenset(worker.get("types", ())), int(worker["slots"])
        if not types:
            continue
        touched = [group for group in groups if group.types & types]
        groups = [group for group in groups if group not in touched]
        groups.append(
            Group(
                types.union(*(group.types for group in touched)),
                slots + sum(group.slots for group in touched),
            )
        )
    return groups
