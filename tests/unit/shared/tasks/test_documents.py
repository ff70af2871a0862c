"""Pages of tasks and their cursors."""

import pytest

from herald.shared.tasks.documents import Page
from tests.support.tasks import a_task


@pytest.mark.parametrize("after", [None, "01", "07"])
def test_the_cursor_of_a_shortened_page_covers_every_task_that_is_left_out(after: str | None) -> None:
    # As in a snapshot, active tasks come before ended ones.
    page = Page([a_task(task_id=task_id).public() for task_id in ("06", "02", "05", "03")], after)
    assert page.first(4) == page
    cut = page.first(2)
    assert cut.tasks == page.tasks[:2]
    assert cut.after is not None and cut.after > "05"
    assert after is None or cut.after >= after, "tasks that an earlier cut left out are covered, too"
