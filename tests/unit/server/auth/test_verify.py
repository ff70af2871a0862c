"""Tokens of any content are accepted, expired or invalid, and the verifier raises nothing else."""

from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import settings as how
from hypothesis import strategies as st
from pydantic import SecretStr

from herald.server.auth.verify import TokenVerifier
from herald.shared.tokens import TokenIssuer
from tests.support.tokens import SECRET, SETTINGS, encoded, signed, token, verdict


def test_issued_tokens_are_accepted() -> None:
    assert verdict(TokenIssuer(SETTINGS).issue("ada", ["acme"], 60, scope="operator")) == "accepted"
    assert verdict(TokenIssuer(SETTINGS).issue_subscription("ada", "task:x", 60)) == "invalid"


@pytest.mark.parametrize(
    "forged",
    [
        jwt.encode({"sub": "ada"}, "another-secret-of-a-good-length-it-is", algorithm="HS256"),
        jwt.encode({"sub": "ada"}, SECRET * 2, algorithm="HS384"),
        jwt.encode({"sub": "ada"}, SECRET * 2, algorithm="HS512"),
        jwt.encode({"sub": "ada"}, "", algorithm="none"),
        jwt.encode({"sub": "ada"}, SECRET, algorithm="HS256")[:-2],
    ],
    ids=["another secret", "HS384", "HS512", "unsigned", "cut"],
)
def test_tokens_with_another_signature_are_refused(forged: str) -> None:
    assert verdict(jwt.encode({"sub": "ada"}, SECRET, algorithm="HS256")) == "accepted"
    assert verdict(forged) == "invalid"


def test_a_public_key_is_refused_as_the_secret() -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    public = SETTINGS.model_copy(update={"auth_secret": SecretStr(pem.decode())})
    for component in (TokenIssuer, TokenVerifier):
        with pytest.raises(jwt.InvalidKeyError):
            component(public)


def test_the_audience_and_the_issuer_are_checked() -> None:
    strict = SETTINGS.model_copy(update={"auth_audience": "herald", "auth_issuer": "us"})
    verifier = TokenVerifier(strict)
    good = {"sub": "ada", "aud": ["herald", "other"], "iss": "us"}
    assert verdict(token(good), verifier) == "accepted"
    assert verdict(TokenIssuer(strict).issue("ada", [], 60), verifier) == "accepted"
    for wrong in ({"aud": "other"}, {"iss": "them"}):
        assert verdict(token(good | wrong), verifier) == "invalid"
    for missing in good:
        assert verdict(token({name: good[name] for name in good if name != missing}), verifier) == "invalid"


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": "\ud800"},
        {"sub": "a\nb"},
        {"sub": "a\x00"},
        {"sub": "a\u2028"},
        {"sub": "x" * 256},
        {"sub": ""},
        {"sub": 1},
        {"sub": None},
        {"sub": ["ada"]},
        {"sub": "ada", "brands": ["\udfff"]},
        {"sub": "ada", "brands": [1]},
        {"sub": "ada", "brands": "acme"},
        {"sub": "ada", "brands": {"acme": 1}},
        {"sub": "ada", "brands": None},
        {"sub": "ada", "scope": ["operator"]},
        {"sub": "ada", "channel": "task:x"},
        [],
        "ada",
        None,
    ],
    ids=ascii,
)
def test_malformed_claims_are_refused(claims: Any) -> None:
    assert verdict(token(claims)) == "invalid"


def test_names_in_any_language_are_accepted() -> None:
    for name in ("ada@example.com", "auth0|5f7c", "Zoë Ångström", "नमस्\u200dते", "👩\u200d💻", "x" * 255):
        assert verdict(token({"sub": name, "brands": [name, ""]})) == "accepted"


@pytest.mark.parametrize(
    "header",
    [
        {"kid": 1},
        {"kid": ["one"]},
        {"kid": None},
        {"alg": ["HS256"]},
        {"alg": None},
        {"alg": "none"},
        {"crit": ["\ud800\n"]},
        {"crit": {}},
        {"b64": False},
        {"b64": False, "crit": ["b64"]},
    ],
    ids=ascii,
)
def test_malformed_headers_are_refused(header: dict[str, Any]) -> None:
    assert verdict(token({"sub": "ada"}, **header)) == "invalid"


@pytest.mark.parametrize(
    "text",
    ["", "..", "a.b.c", "\ud800", "ä.ö.ü", "x" * 100_000, token({"sub": "ada", "x": "y" * 100_000})[:-1]],
    ids=lambda text: ascii(text[:10]),
)
def test_text_that_is_not_a_token_is_refused(text: str) -> None:
    assert verdict(text) == "invalid"


def test_a_token_nested_too_deeply_is_refused() -> None:
    deep = "W1tb" * 16_000  # the Base64 of [[[…
    assert verdict(signed(f"{deep}.{encoded({'sub': 'ada'})}")) == "invalid"
    assert verdict(signed(f"{encoded({'alg': 'HS256'})}.{deep}")) == "invalid"


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
odd = scalars | st.lists(scalars, max_size=2) | st.dictionaries(st.text(max_size=3), scalars, max_size=2)
surrogates = st.text(st.characters(categories=["Cs", "Cc", "Ll"]), max_size=5)


@how(max_examples=300, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["sub", "exp", "iat", "nbf", "brands", "scope", "channel", "aud", "iss", "jti"]),
        odd | surrogates | st.lists(surrogates, max_size=2),
    ),
    st.dictionaries(st.sampled_from(["alg", "kid", "crit", "b64", "typ"]), odd | surrogates, max_size=2),
    st.booleans(),
)
def test_any_token_is_accepted_expired_or_invalid(
    claims: dict[str, Any], header: dict[str, Any], with_subject: bool
) -> None:
    verdict(token({"sub": "ada"} | claims if with_subject else claims, **header))
