"""Responses hold JSON only, whatever a document contains."""

import json
import math
from datetime import UTC, datetime

import pytest
from pydantic import TypeAdapter

from herald.server.http.requests import json_response


def test_numbers_that_json_lacks_are_text_that_the_typed_clients_read() -> None:
    body = bytes(json_response({"values": [math.nan, math.inf, -math.inf, 1.5], "n": 2}).body)

    def refuse(constant: str) -> float:
        pytest.fail(f"{constant} is not JSON")

    decoded = json.loads(body, parse_constant=refuse)
    assert decoded == {"values": ["NaN", "Infinity", "-Infinity", 1.5], "n": 2}
    values = TypeAdapter(list[float]).validate_json(json.dumps(decoded["values"]))
    assert math.isnan(values[0]) and values[1:] == [math.inf, -math.inf, 1.5]


def test_times_are_in_rfc_3339() -> None:
    body = bytes(json_response({"at": datetime(2026, 11, 25, 9, tzinfo=UTC)}).body)
    assert json.loads(body) == {"at": "2026-11-25T09:00:00Z"}
