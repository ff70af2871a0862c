"""Users' words fit into sentences without changing their meaning."""

import pytest

from herald.worker.tasks.words import clip, counted, full_stop, hashtag, listing, quote, unique, upper_first


@pytest.mark.parametrize(
    ("text", "clipped"),
    [
        ("Sell out.", "Sell out"),
        ("  Sell \n out !!! ", "Sell out"),
        ("Ready?", "Ready?"),
        ("one two three four", "one two three…"),
        ("one two, three, four", "one two, three…"),
        ("もっと多くの人に", "もっと多くの人に"),
        ("陶" * 40, "陶" * 30 + "…"),
        ("a" * 20 + " " + "b" * 20, "a" * 20 + "…"),
        ("!!!", "!!!"),
    ],
)
def test_long_texts_are_clipped_to_a_phrase(text: str, clipped: str) -> None:
    assert clip(text, 3, 30) == clipped


def test_quotation_marks_do_not_nest() -> None:
    assert quote('Sell "hot" buns.') == "“Sell ’hot’ buns”"  # noqa: RUF001


@pytest.mark.parametrize(
    ("text", "capitalised"),
    [("pottery", "Pottery"), ("iPhone repair", "iPhone repair"), ("CRM", "CRM"), ("陶芸", "陶芸"), ("", "")],
)
def test_only_ordinary_words_get_a_capital_letter(text: str, capitalised: str) -> None:
    assert upper_first(text) == capitalised


def test_small_helpers_follow_english_rules() -> None:
    assert (counted(1, "post"), counted(1200, "post")) == ("1 post", "1,200 posts")
    assert (listing(["a"]), listing(["a", "b"]), listing(["a", "b", "c"], "or")) == (
        "a",
        "a and b",
        "a, b or c",
    )
    assert (full_stop("Buy"), full_stop("Buy!"), full_stop("買う。")) == ("Buy.", "Buy!", "買う。")
    assert (hashtag("slow craft"), hashtag("!!!")) == ("#SlowCraft", "")
    assert unique(["Tea", "Coffee", "tea "]) == ["Tea", "Coffee"]
