"""The revocations that a process holds in memory, and the tokens that they cover."""

import time

from herald.server.auth.revocation import RevokedTokens
from herald.server.auth.verify import TokenVerifier
from tests.support.tokens import SETTINGS, token, verdict


def test_a_revocation_covers_tokens_issued_up_to_its_moment() -> None:
    verifier, at = TokenVerifier(SETTINGS), time.time()
    verifier.revoked.add("ada", at)
    assert verdict(token({"sub": "ada", "iat": at}), verifier) == "invalid"
    assert verdict(token({"sub": "ada", "iat": at + 0.001}), verifier) == "accepted"
    assert verdict(token({"sub": "bob", "iat": at}), verifier) == "accepted"


def test_a_revocation_covers_tokens_without_an_issue_time() -> None:
    verifier = TokenVerifier(SETTINGS)
    assert verdict(token({"sub": "ada"}), verifier) == "accepted"
    verifier.revoked.add("ada", time.time())
    assert verdict(token({"sub": "ada"}), verifier) == "invalid"


def test_a_revocation_never_moves_back_and_can_be_forgotten() -> None:
    revoked = RevokedTokens()
    revoked.add("ada", 100)
    revoked.add("ada", 50)
    revoked.forget(before=100)
    assert revoked.covers("ada", 100) and not revoked.covers("ada", 101)
    revoked.forget(before=101)
    assert not revoked.covers("ada", 100)
