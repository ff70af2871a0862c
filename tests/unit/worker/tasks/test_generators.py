"""Rules that hold for the generators of all task types."""

import asyncio
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from herald.shared.tasks.task_types import TASK_TYPES
from herald.worker.tasks import GENERATORS
from tests.support.generators import PAYLOADS, generated

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


def test_every_task_type_has_a_generator() -> None:
    assert set(GENERATORS) == set(TASK_TYPES)


@pytest.mark.parametrize("task_type", TASK_TYPES)
async def test_the_same_input_gives_the_same_documents(task_type: str) -> None:
    first, second = await generated(task_type), await generated(task_type)
    for one, other in zip(first.documents, second.documents, strict=True):
        assert {**one, "createdAt": None} == {**other, "createdAt": None}


@pytest.mark.parametrize("task_type", TASK_TYPES)
async def test_documents_belong_to_the_task(task_type: str) -> None:
    for document in (await generated(task_type)).documents:
        assert document["_id"] == document[TASK_TYPES[task_type].result_id]
        assert document["_id"].startswith("t1")
        assert (document["taskId"], document["userId"], document["provider"]) == ("t1", "ada", "offline")


@pytest.mark.parametrize("task_type", TASK_TYPES)
async def test_texts_are_about_the_user_s_input(task_type: str) -> None:
    payload = TASK_TYPES[task_type].payload.model_validate(PAYLOADS[task_type]).wire()
    given_words = {word.lower() for text in texts(payload) for word in re.findall(r"\w{3,}", text)}
    for document in (await generated(task_type)).documents:
        specific = list(texts(document, SPECIFIC))
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
    asyncio.run(generated(*case))
