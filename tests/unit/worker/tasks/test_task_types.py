"""Rules that hold for all built-in task types."""

import asyncio
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from herald import TaskType
from herald.shared.tasks.records import Storage
from herald.worker import tasks
from tests.support.built_in import PAYLOADS, TASK_TYPES, generated, result_of

SPECIFIC = {
    "title", "summary", "audience", "message", "role", "theme", "copy",
    "positioning", "mission", "difference", "taglines", "sample",
    "segment", "situation",
}  # fmt: skip
"""Fields whose texts must be about the user's input; the others may be general advice."""


def texts(value: Any, fields: set[str] | None = None, *, wanted: bool = True) -> Iterator[str]:
    """Every text of a document, or those of some ``fields`` only."""
    if isinstance(value, dict):
        for field, part in value.items():
            yield from texts(part, fields, wanted=fields is None or field in fields)
    elif isinstance(value, list):
        for part in value:
            yield from texts(part, fields, wanted=wanted)
    elif isinstance(value, str) and wanted:
        yield value


def test_the_package_binds_the_task_types() -> None:
    assert {each.name for each in vars(tasks).values() if isinstance(each, TaskType)} == set(TASK_TYPES)


def test_results_are_stored_where_clients_expect_them() -> None:
    assert {name: task_type.storage for name, task_type in TASK_TYPES.items()} == {
        "GENERATE_MEDIA_PLAN": Storage(collection="mediaPlanGroups", id_field="mediaPlanGroupId"),
        "GENERATE_BRAND_KIT": Storage(collection="brandKits", id_field="brandKitId"),
        "AUTO_GENERATE_PERSONAS": Storage(collection="personas", id_field="personaId", each="people"),
    }


@pytest.mark.parametrize("task_type", TASK_TYPES)
async def test_all_declared_steps_run_in_order(task_type: str) -> None:
    done = await generated(task_type)
    assert list(done.steps) == list(TASK_TYPES[task_type].options.steps)
    assert all(step.status == "completed" and set(step.ran_in) == {1} for step in done.steps.values())


@pytest.mark.parametrize("task_type", TASK_TYPES)
async def test_a_task_that_lost_its_worker_repeats_nothing(task_type: str) -> None:
    last = TASK_TYPES[task_type].options.steps[-1]
    done = await generated(task_type, crash_after=last)
    assert all(set(step.ran_in) == {1} for name, step in done.steps.items() if name != last)
    assert done.result == (await generated(task_type)).result


@pytest.mark.parametrize("task_type", TASK_TYPES)
async def test_the_same_input_gives_the_same_result(task_type: str) -> None:
    assert await result_of(task_type) == await result_of(task_type)


@pytest.mark.parametrize(
    ("task_type", "title"),
    [
        ("GENERATE_MEDIA_PLAN", "Sell out the autumn workshop"),
        ("GENERATE_BRAND_KIT", "Northlight"),
        ("AUTO_GENERATE_PERSONAS", "A weekend pottery course"),
    ],
)
async def test_a_task_is_titled_by_what_it_is_for(task_type: str, title: str) -> None:
    assert (await generated(task_type)).task.title == title


@pytest.mark.parametrize("task_type", TASK_TYPES)
async def test_texts_are_about_the_user_s_input(task_type: str) -> None:
    payload = TASK_TYPES[task_type].payload.model_validate(PAYLOADS[task_type]).wire()
    given_words = {word.lower() for text in texts(payload) for word in re.findall(r"\w{3,}", text)}
    specific = list(texts(await result_of(task_type), SPECIFIC))
    assert specific
    for text in specific:
        words = set(re.findall(r"\w+", text.lower()))
        assert len(words) <= 6 or words & given_words, text


LINE = st.text(min_size=1, max_size=60).filter(str.strip)
ANY_PAYLOAD = st.one_of(
    st.fixed_dictionaries(
        {
            "objective": LINE,
            "keywords": st.lists(LINE, min_size=1, max_size=8),
            "settings": st.fixed_dictionaries(
                {"weeks": st.integers(1, 5), "postsPerWeek": st.integers(1, 14)},
                optional={
                    "channels": st.lists(LINE, max_size=5),
                    "budget": st.floats(0, 1e9, allow_nan=False),
                    "currency": st.sampled_from(["EUR", "JPY", "KWD"]),
                    "language": LINE,
                    "tone": LINE,
                },
            ),
        }
    ).map(lambda payload: ("GENERATE_MEDIA_PLAN", payload)),
    st.fixed_dictionaries(
        {"brandName": LINE, "description": LINE},
        optional={"industry": LINE, "values": st.lists(LINE, max_size=4), "tone": LINE},
    ).map(lambda payload: ("GENERATE_BRAND_KIT", payload)),
    st.fixed_dictionaries({"product": LINE, "count": st.integers(1, 10)}, optional={"market": LINE}).map(
        lambda payload: ("AUTO_GENERATE_PERSONAS", payload)
    ),
)


@given(ANY_PAYLOAD)
@hypothesis_settings(max_examples=150, deadline=None)
def test_drafts_pass_every_check_for_any_input(case: tuple[str, dict[str, Any]]) -> None:
    """Drafts go through the same checks as a model's answers, and finished plans through their own."""
    asyncio.run(result_of(*case))
