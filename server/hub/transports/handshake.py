"""The opening handshake of a WebSocket (RFC 6455 §4.2); pure."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qs

from websockets.utils import accept_key

KEY_BYTES = 16
VERSION = b"13"
JSON, PROTOBUF = b"centrifuge-json", b"centrifuge-protobuf"
"""The subprotocols that a client may offer; without one, JSON is used."""


def accept(headers: Mapping[bytes, bytes]) -> bytes | None:
    """The value of ``Sec-WebSocket-Accept``; None if the request is not a handshake of version 13.

    ``headers`` have lower-case names.
    """
    key = headers.get(b"sec-websocket-key", b"")
    try:
        is_key = len(base64.b64decode(key, validate=True)) == KEY_BYTES
    except binascii.Error:
        is_key = False
    if not is_key or headers.get(b"sec-websocket-version") != VERSION:
        return None
    return accept_key(key.decode()).encode()


def subprotocol(headers: Sequence[tuple[bytes, bytes]]) -> bytes | None:
    """The subprotocol to use of those that the client offers; None if it offers no known one."""
    offered = b",".join(value for name, value in headers if name == b"sec-websocket-protocol")
    names = {name.strip() for name in offered.split(b",")}
    return next((known for known in (JSON, PROTOBUF) if known in names), None)


def asks_for_protobuf(query: bytes) -> bool:
    """Whether the query string asks for Protobuf."""
    parameters = parse_qs(query.decode("latin-1"))
    return any("protobuf" in parameters.get(name, ()) for name in ("format", "cf_protocol"))


def response(accepted: bytes, chosen: bytes | None) -> bytes:
    """The response that completes the handshake, with the chosen subprotocol, if any."""
    lines = [
        b"HTTP/1.1 101 Switching Protocols",
        b"Upgrade: websocket",
        b"Connection: Upgrade",
        b"Sec-WebSocket-Accept: " + accepted,
    ]
    if chosen:
        lines.append(b"Sec-WebSocket-Protocol: " + chosen)
    return b"\r\n".join([*lines, b"", b""])
