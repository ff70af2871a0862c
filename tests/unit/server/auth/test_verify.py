"""Which tokens are accepted, whatever is in them; nothing but the two errors of the verifier comes out."""

import asyncio
import base64
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import settings as how
from hypothesis import strategies as st

from herald.server.auth.verify import Authenticator, ExpiredTokenError, InvalidTokenError, KeySet, _keys_of
from herald.shared.settings import Settings

SECRET = "a-secret-that-only-the-tests-know-of"
settings = Settings.model_validate({"auth_secret": SECRET})
authenticator = Authenticator(settings)


def encoded(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def token(claims: Any, **header: Any) -> str:
    """A signed token of any JSON values, also of those that PyJWT would not sign."""
    signed = f"{encoded({'alg': 'HS256', 'typ': 'JWT'} | header)}.{encoded(claims)}"
    signature = authenticator._secret.Algorithm.sign(signed.encode(), SECRET.encode())
    return f"{signed}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def verdict(text: str, by: Authenticator = authenticator) -> str:
    """``accepted``, ``expired`` or ``invalid``; what is neither is raised."""
    try:
        asyncio.run(by.principal(text))
    except ExpiredTokenError:
        return "expired"
    except InvalidTokenError as error:
        str(error).encode("ascii")
        assert len(str(error)) < 300
        assert "\n" not in str(error)
        return "invalid"
    return "accepted"


def test_issuers_whose_clock_is_ahead_are_accepted_within_the_leeway() -> None:
    at = int(time.time())
    for claim in ("iat", "nbf"):
        assert verdict(token({"sub": "ada", claim: at + 2})) == "accepted"
        assert verdict(token({"sub": "ada", claim: at + 25})) == "accepted"
        assert verdict(token({"sub": "ada", claim: at + 60})) == "invalid"
    strict = Authenticator(settings.model_copy(update={"auth_leeway_s": 0}))
    assert verdict(token({"sub": "ada", "iat": at + 10}), strict) == "invalid"


def test_the_leeway_does_not_lengthen_a_token_s_life() -> None:
    assert verdict(token({"sub": "ada", "exp": time.time() - 0.5})) == "expired"
    assert verdict(token({"sub": "ada", "exp": time.time() + 60})) == "accepted"


@pytest.mark.parametrize("claim", ["exp", "iat", "nbf"])
@pytest.mark.parametrize(
    "value",
    ["1", "x", True, None, [], {}, float("nan"), float("inf"), float("-inf"), 10**400, -(10**400), 1e300],
    ids=lambda value: repr(value)[:12],
)
def test_times_that_are_no_numbers_of_seconds_are_refused(claim: str, value: Any) -> None:
    assert verdict(token({"sub": "ada", claim: value})) == "invalid"


def test_a_revocation_concerns_tokens_without_a_time_of_issue() -> None:
    revoking = Authenticator(settings)
    assert verdict(token({"sub": "ada"}), revoking) == "accepted"
    revoking.revoke("ada", time.time())
    assert verdict(token({"sub": "ada"}), revoking) == "invalid"
    assert verdict(token({"sub": "bob"}), revoking) == "accepted"


def test_a_revocation_never_moves_back_and_can_be_forgotten() -> None:
    revoking = Authenticator(settings)
    revoking.revoke("ada", 100)
    revoking.revoke("ada", 50)
    revoking.forget_revocations(before=100)
    assert revoking.knows("ada", 100) and not revoking.knows("ada", 101)
    revoking.forget_revocations(before=101)
    assert not revoking.knows("ada", 100)


def test_far_away_times_are_times() -> None:
    assert verdict(token({"sub": "ada", "exp": 2**63 - 1, "iat": -1, "nbf": -1e15})) == "accepted"
    assert verdict(token({"sub": "ada", "exp": -1})) == "expired"


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
def test_odd_claims_are_refused(claims: Any) -> None:
    assert verdict(token(claims)) == "invalid"


def test_names_of_any_language_are_accepted() -> None:
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
def test_odd_headers_are_refused(header: dict[str, Any]) -> None:
    assert verdict(token({"sub": "ada"}, **header)) == "invalid"


@pytest.mark.parametrize(
    "text",
    ["", "..", "a.b.c", "\ud800", "ä.ö.ü", "x" * 100_000, token({"sub": "ada", "x": "y" * 100_000})[:-1]],
    ids=lambda text: ascii(text[:10]),
)
def test_what_is_no_token_is_refused(text: str) -> None:
    assert verdict(text) == "invalid"


def test_a_token_nested_too_deeply_is_refused() -> None:
    deep = base64.urlsafe_b64encode(b"[" * 50_000).rstrip(b"=").decode()
    head = encoded({"alg": "HS256"})
    for signed in (f"{deep}.{encoded({'sub': 'ada'})}", f"{head}.{deep}"):
        signature = authenticator._secret.Algorithm.sign(signed.encode(), SECRET.encode())
        text = f"{signed}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"
        assert verdict(text) == "invalid"


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
def test_whatever_a_token_holds_it_is_accepted_expired_or_invalid(
    claims: dict[str, Any], header: dict[str, Any], with_subject: bool
) -> None:
    verdict(token({"sub": "ada"} | claims if with_subject else claims, **header))


# Keys that are published

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
JWKS = {
    "RSA": jwt.algorithms.RSAAlgorithm.to_jwk(RSA.public_key(), as_dict=True),
    "EC": jwt.algorithms.ECAlgorithm.to_jwk(
        ec.generate_private_key(ec.SECP256R1()).public_key(), as_dict=True
    ),
    "P-384": jwt.algorithms.ECAlgorithm.to_jwk(
        ec.generate_private_key(ec.SECP384R1()).public_key(), as_dict=True
    ),
    "OKP": jwt.algorithms.OKPAlgorithm.to_jwk(
        ed25519.Ed25519PrivateKey.generate().public_key(), as_dict=True
    ),
    "oct": {"kty": "oct", "k": "c2VjcmV0"},
}


def by_keys(*keys: Any) -> Authenticator:
    """Accepts RS256 by these keys."""
    of_keys = Authenticator(settings.model_copy(update={"auth_jwks_url": "http://127.0.0.1:9/none"}))
    published = KeySet("http://127.0.0.1:9/none", "RS256")
    published._keys = _keys_of({"keys": list(keys)}, "RS256")
    published._fetched_at = time.monotonic()
    of_keys._keys = published
    return of_keys


def signed(kid: Any) -> str:
    return jwt.encode({"sub": "ada"}, RSA, algorithm="RS256", headers={"kid": kid})


@pytest.mark.parametrize("kind", JWKS)
def test_a_key_of_another_type_checks_nothing(kind: str) -> None:
    published = by_keys(JWKS["RSA"] | {"kid": "good"}, JWKS[kind] | {"kid": "one"})
    assert verdict(signed("good"), published) == "accepted"
    assert verdict(signed("one"), published) == ("accepted" if kind == "RSA" else "invalid")


def test_keys_of_several_types_may_share_an_id() -> None:
    one = {"kid": "one"}
    for keys in ([JWKS["EC"], JWKS["RSA"]], [JWKS["RSA"], JWKS["oct"]]):
        assert verdict(signed("one"), by_keys(*(key | one for key in keys))) == "accepted"


ODD_KEYS: list[Any] = [
    None,
    1,
    [],
    {},
    {"kty": ["RSA"]},
    {"kty": "RSA", "kid": "x"},
    {"kty": "RSA", "kid": "x", "n": 5, "e": "AQAB"},
    {"kty": "EC", "crv": "P-999"},
    {"kty": "EC", "crv": ["P-256"], "x": None, "y": {}},
    {"kty": "OKP", "crv": 7},
    JWKS["RSA"] | {"kid": ["x"]},
    JWKS["RSA"] | {"kid": 7},
    JWKS["RSA"] | {"kid": "x", "alg": ["RS256"]},
    JWKS["RSA"] | {"kid": "x", "alg": "RSA-OAEP"},
    JWKS["RSA"] | {"kid": "x", "n": "!"},
]


@pytest.mark.parametrize("key", ODD_KEYS, ids=lambda key: ascii(key)[:40])
def test_an_odd_key_is_passed_over(key: Any) -> None:
    assert list(_keys_of({"keys": [key, JWKS["RSA"] | {"kid": "good"}, key]}, "RS256")) == ["good"]


@pytest.mark.parametrize(
    "document", [None, 1, [], "keys", {}, {"keys": None}, {"keys": {}}, {"keys": ODD_KEYS}]
)
def test_a_document_without_usable_keys_is_refused(document: Any) -> None:
    with pytest.raises(ValueError, match="RS256"):
        _keys_of(document, "RS256")
