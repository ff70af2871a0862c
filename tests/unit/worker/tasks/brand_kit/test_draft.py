"""The offline drafts of brand kits read well whatever the user wrote."""

import re

import pytest

from herald.worker.tasks.brand_kit.draft import draft_look, draft_positioning, draft_voice
from herald.worker.tasks.brand_kit.payload import BrandKitPayload

BRIEFS = [
    {"brandName": "Northlight", "description": "Tableware from the sea.", "values": ["patience", "honesty"]},
    {"brandName": "Yahoo!", "description": "WE ANSWER QUESTIONS!!!", "tone": "loud and fast."},
    {"brandName": "Acme Inc.", "description": "Do you need rockets?", "industry": "aerospace industry"},
    {"brandName": "水のNGO", "description": "きれいな水を届ける。", "values": ["誠実"], "tone": "穏やか"},
    {"brandName": "B", "description": "word " * 400, "values": ["Customers first!"]},
]


@pytest.mark.parametrize("brief", BRIEFS, ids=lambda brief: brief["brandName"])
def test_sentences_have_one_full_stop_and_single_spaces(brief: dict[str, object]) -> None:
    payload = BrandKitPayload.model_validate(brief)
    positioning, voice = draft_positioning(payload), draft_voice(payload)
    for text in (*positioning.taglines, positioning.positioning, positioning.mission, voice.sample):
        assert not re.search(r"\s\s|[.!?…]\.|\s[.,:]|\.,", text), text
        assert len(text) < 400


def test_a_name_that_begins_with_an_article_fits_every_sentence() -> None:
    payload = BrandKitPayload(
        brand_name="the Honest Loaf", description="A bakery in Leeds", values=["we care"]
    )
    positioning, voice, look = draft_positioning(payload), draft_voice(payload), draft_look(payload)
    assert "“H”" in look.logo_directions[0].idea
    assert positioning.positioning.startswith("About the Honest Loaf: a bakery in Leeds.")
    for text in (
        positioning.difference,
        *positioning.taglines,
        *(rule.example for rule in voice.do + voice.dont),
    ):
        assert not re.search(r"(^|[.!?“] )the Honest|“the Honest|Your the", text), text


def test_the_symbol_of_an_unknown_subject_is_abstract() -> None:
    ideas = {
        draft_look(BrandKitPayload(brand_name="X", description=text)).logo_directions[-1].idea.split(",")[0]
        for text in ("small and mobile", "for accountancy firms")
    }
    assert ideas == {"An abstract mark", "A rising column"}


def test_an_industry_is_not_called_a_sector_twice() -> None:
    payload = BrandKitPayload.model_validate(BRIEFS[2])
    assert "in the aerospace sector" in draft_positioning(payload).positioning


def test_colours_only_match_whole_words_of_the_brief() -> None:
    tea = BrandKitPayload(brand_name="X", description="Fine teas")
    team = BrandKitPayload(brand_name="X", description="Fine teams")
    assert draft_look(tea).primary.name == "Deep green"
    assert draft_look(team).primary.hex != draft_look(tea).primary.hex
