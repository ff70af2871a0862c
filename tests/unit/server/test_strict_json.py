"""Which JSON documents are decoded, and which are refused."""

import pytest

from herald.server.strict_json import decode


@pytest.mark.parametrize(
    "text",
    [
        "[" * 300 + "]" * 300,
        "[" * 100_000,
        '{"a":' * 100_000,
        "NaN",
        "[Infinity]",
        "[1e999]",
        '{"a": [-1e999]}',
        "1" * 5000,
        "-" + "1" * 5000,
        r'"\ud800"',
        '"\ud800"',
        b'"\xff"',
        b'"\xed\xa0\x80"',
        '"\n"',
        "[1,]",
        "1 2",
        "",
    ],
    ids=lambda text: repr(text[:20]),
)
def test_documents_that_are_not_strict_json_are_refused(text: str | bytes) -> None:
    with pytest.raises(ValueError):
        decode(text)


def test_strict_json_is_decoded() -> None:
    deepest = decode("[" * 200 + "]" * 200)
    for _ in range(199):
        [deepest] = deepest
    assert deepest == []
    assert decode(r'{"a": 1, "a": "\ud83d\ude00", "b": [1.5, -0.0, null, 12345678901234567890]}') == {
        "a": "😀",
        "b": [1.5, 0.0, None, 12345678901234567890],
    }
