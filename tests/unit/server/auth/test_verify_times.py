"""The times in a token: when it is valid, and which values are accepted as times."""

import time
from typing import Any

import pytest

from herald.server.auth.verify import TokenVerifier
from tests.support.tokens import SETTINGS, token, verdict


def test_issuers_whose_clock_is_ahead_are_accepted_within_the_leeway() -> None:
    at = int(time.time())
    for claim in ("iat", "nbf"):
        assert verdict(token({"sub": "ada", claim: at + 2})) == "accepted"
        assert verdict(token({"sub": "ada", claim: at + 25})) == "accepted"
        assert verdict(token({"sub": "ada", claim: at + 60})) == "invalid"
    strict = TokenVerifier(SETTINGS.model_copy(update={"auth_leeway_s": 0}))
    assert verdict(token({"sub": "ada", "iat": at + 10}), strict) == "invalid"


def test_the_leeway_does_not_extend_a_token_s_life() -> None:
    assert verdict(token({"sub": "ada", "exp": time.time() - 0.5})) == "expired"
    assert verdict(token({"sub": "ada", "exp": time.time() + 60})) == "accepted"


@pytest.mark.parametrize("claim", ["exp", "iat", "nbf"])
@pytest.mark.parametrize(
    "value",
    ["1", "x", True, None, [], {}, float("nan"), float("inf"), float("-inf"), 10**400, -(10**400), 1e300],
    ids=lambda value: repr(value)[:12],
)
def test_times_that_are_not_numbers_of_seconds_are_refused(claim: str, value: Any) -> None:
    assert verdict(token({"sub": "ada", claim: value})) == "invalid"


def test_times_in_the_distant_past_and_future_are_accepted() -> None:
    assert verdict(token({"sub": "ada", "exp": 2**63 - 1, "iat": -1, "nbf": -1e15})) == "accepted"
    assert verdict(token({"sub": "ada", "exp": -1})) == "expired"
