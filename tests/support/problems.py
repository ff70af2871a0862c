"""Checks of error responses."""

from typing import Any

import httpx2


def problem(response: httpx2.Response, status: int) -> dict[str, Any]:
    """The body of a response that must be a problem document with ``status``."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body["status"] == status and body["title"] and body["detail"]
    return body
