"""Which keys of a JWKS document are used, and the tokens that they verify."""

import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from herald.server.auth.jwks import KeySet, usable_keys
from herald.server.auth.verify import TokenVerifier
from tests.support.tokens import SETTINGS, verdict

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


def verifier_with(*keys: Any) -> TokenVerifier:
    """A verifier that has just fetched these keys for RS256."""
    url = "http://127.0.0.1:9/none"
    verifier = TokenVerifier(SETTINGS.model_copy(update={"auth_jwks_url": url}))
    published = verifier._key
    assert isinstance(published, KeySet)
    published._keys = usable_keys({"keys": list(keys)}, "RS256")
    published._fetched_at = time.monotonic()
    return verifier


def signed_with(key_id: Any) -> str:
    return jwt.encode({"sub": "ada"}, RSA, algorithm="RS256", headers={"kid": key_id})


@pytest.mark.parametrize("kind", JWKS)
def test_a_key_of_another_type_verifies_nothing(kind: str) -> None:
    verifier = verifier_with(JWKS["RSA"] | {"kid": "good"}, JWKS[kind] | {"kid": "one"})
    assert verdict(signed_with("good"), verifier) == "accepted"
    assert verdict(signed_with("one"), verifier) == ("accepted" if kind == "RSA" else "invalid")


def test_keys_of_several_types_may_share_an_id() -> None:
    for keys in ([JWKS["EC"], JWKS["RSA"]], [JWKS["RSA"], JWKS["oct"]]):
        verifier = verifier_with(*(key | {"kid": "one"} for key in keys))
        assert verdict(signed_with("one"), verifier) == "accepted"


MALFORMED_KEYS: list[Any] = [
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


@pytest.mark.parametrize("key", MALFORMED_KEYS, ids=lambda key: ascii(key)[:40])
def test_a_malformed_key_is_skipped(key: Any) -> None:
    assert list(usable_keys({"keys": [key, JWKS["RSA"] | {"kid": "good"}, key]}, "RS256")) == ["good"]


@pytest.mark.parametrize(
    "document", [None, 1, [], "keys", {}, {"keys": None}, {"keys": {}}, {"keys": MALFORMED_KEYS}]
)
def test_a_document_without_usable_keys_is_refused(document: Any) -> None:
    with pytest.raises(ValueError, match="RS256"):
        usable_keys(document, "RS256")
