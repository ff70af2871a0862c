"""Validation errors as a form shows them."""

from typing import Any

import pytest
from pydantic import ValidationError

from herald.server.http.problems import invalid
from herald.shared.tasks.task_types import MediaPlanPayload

PAYLOAD: dict[str, Any] = {"objective": "Sell out", "keywords": ["pottery"]}


@pytest.mark.parametrize(
    ("changes", "pointer", "detail"),
    [
        ({"keywords": []}, "/payload/keywords", "Must not be empty; got []"),
        ({"keywords": ["x" * 300]}, "/payload/keywords/0", "Must have at most 200 characters; got "),
        ({"objective": 3}, "/payload/objective", "Must be text; got 3"),
        ({"colour": "blue"}, "/payload/colour", "Unknown field"),
        (
            {"settings": {"postsPerWeek": 2.5}},
            "/payload/settings/postsPerWeek",
            "Must be a whole number; got 2.5",
        ),
        ({"settings": {"weeks": 99}}, "/payload/settings/weeks", "Must be at most 26; got 99"),
        (
            {"settings": {"startDate": "soon"}},
            "/payload/settings/startDate",
            "Must be a date such as 2027-01-31",
        ),
    ],
)
def test_errors_say_what_a_field_must_be(changes: dict[str, Any], pointer: str, detail: str) -> None:
    with pytest.raises(ValidationError) as error:
        MediaPlanPayload.model_validate(PAYLOAD | changes, strict=False)
    [found] = invalid(error.value, within="/payload").members["errors"]
    assert found["pointer"] == pointer
    assert found["detail"].startswith(detail)


def test_a_missing_field_is_required() -> None:
    with pytest.raises(ValidationError) as error:
        MediaPlanPayload.model_validate({"keywords": ["pottery"]})
    [found] = invalid(error.value).members["errors"]
    assert found == {"pointer": "/objective", "detail": "This field is required"}
