"""Validation errors as a form shows them."""

from typing import Any

import pytest

from herald.server.http.problems import invalid_payload
from herald.server.payloads.faults import InvalidPayloadError
from herald.server.payloads.schema import PayloadSchema
from herald.shared.task_api.record import record_of
from tests.support.registered import MEDIA_PLAN

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
    [found] = faults_in(PAYLOAD | changes)
    assert found["pointer"] == pointer
    assert found["detail"].startswith(detail)


def test_a_missing_field_is_required() -> None:
    [found] = faults_in({"keywords": ["pottery"]})
    assert found == {"pointer": "/payload/objective", "detail": "This field is required"}


def faults_in(payload: dict[str, Any]) -> list[dict[str, str]]:
    """The errors of the response to a media plan with an invalid payload."""
    schema = PayloadSchema(record_of(MEDIA_PLAN, "herald").payload_schema)
    with pytest.raises(InvalidPayloadError) as error:
        schema.normalised(payload)
    found: list[dict[str, str]] = invalid_payload(error.value, payload, within="/payload").members["errors"]
    return found
