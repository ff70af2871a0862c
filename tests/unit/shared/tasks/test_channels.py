"""Channel names, read and written as the browsers do."""

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
"""Also read by ``tests/client/channels.test.js``, so that both sides agree."""


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: ascii(example["name"]))
def test_channel_names_are_parsed_as_in_the_browser(example: dict[str, Any]) -> None:
    channel = Channel.parse(example["name"])
    assert (channel and channel._asdict()) == example["channel"]
    assert channel is None or str(channel) == example["name"]


@given(st.text(min_size=1))
def test_every_id_survives_its_channel_name(id_: str) -> None:
    for channel in (Channel.user(id_), Channel.task(id_), Channel.brand(id_)):
        assert Channel.parse(str(channel)) == channel
    assert Channel.parse(str(OPS)) == OPS


def test_an_empty_id_names_no_channel() -> None:
    for channel in (Channel.user(""), Channel.task(""), Channel.brand("")):
        assert Channel.parse(str(channel)) is None
