"""Channel names are parsed and built as in the browser."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tests.support
from herald.shared.tasks.channels import OPS, Channel

EXAMPLES: list[dict[str, Any]] = json.loads(
    (Path(tests.support.__file__).parent / "channels.json").read_text()
)
"""``tests/client/channels.test.js`` reads the same examples, so that both sides agree."""


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: ascii(example["name"]))
def test_channel_names_are_parsed_as_in_the_shared_examples(example: dict[str, Any]) -> None:
    channel = Channel.parse(example["name"])
    assert (channel and channel._asdict()) == example["channel"]
    assert channel is None or str(channel) == example["name"]


@given(st.text(min_size=1))
def test_parsing_a_channel_s_name_returns_the_channel(id_: str) -> None:
    for channel in (Channel.user(id_), Channel.task(id_), Channel.brand(id_)):
        assert Channel.parse(str(channel)) == channel
    assert Channel.parse(str(OPS)) == OPS


def test_a_channel_name_without_an_id_is_invalid() -> None:
    for channel in (Channel.user(""), Channel.task(""), Channel.brand("")):
        assert Channel.parse(str(channel)) is None
