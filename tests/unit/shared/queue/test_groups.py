"""Task types are grouped by the workers that run them."""

from typing import Any

import pytest

from herald.shared.queue.groups import groups_of


def worker(slots: int, *types: str) -> dict[str, Any]:
    return {"slots": slots, "types": dict.fromkeys(types, "digest")}


@pytest.mark.parametrize(
    ("workers", "groups"),
    [
        ([], []),
        ([worker(20), {"slots": 20}], []),
        ([worker(20, "A", "B"), worker(5, "A", "B")], [({"A", "B"}, 25)]),
        ([worker(20, "A"), worker(5, "B")], [({"A"}, 20), ({"B"}, 5)]),
        (
            [worker(1, "A"), worker(2, "B"), worker(4, "C"), worker(8, "A", "C")],
            [({"B"}, 2), ({"A", "C"}, 13)],
        ),
    ],
)
def test_types_that_share_workers_share_their_slots(
    workers: list[dict[str, Any]], groups: list[tuple[set[str], int]]
) -> None:
    assert [(set(group.types), group.slots) for group in groups_of(workers)] == groups
