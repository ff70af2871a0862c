"""Users' words fit into sentences without changing their meaning."""

import pytest

from herald.worker.tasks.words import (
    clip,
    counted,
    full_stop,
    hashtag,
    headline,
    listing,
    lower_article,
    quote,
    sentence_start,
    unique,
    upper_first,
    without_article,
)


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
    [
        ("pottery", "Pottery"),
        ("iPhone repair", "iPhone repair"),
        ("CRM", "CRM"),
        ("crm for clinics", "crm for clinics"),
        ("seo", "seo"),
        ("why", "Why"),
        ("陶芸", "陶芸"),
        ("", ""),
    ],
)
def test_only_ordinary_words_get_a_capital_letter(text: str, capitalised: str) -> None:
    assert upper_first(text) == capitalised


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Sell out.", "Sell out"),
        ("Fill every seat in the house", "Fill every seat"),
        ("Fill seats, and keep them filled", "Fill seats, and keep"),
        ("Win. Then grow every year", "Win"),
        ("in the", "in the"),
        ("もっと多くの人に", "もっと多くの人に"),
        ("!!!", "!!!"),
    ],
)
def test_a_headline_ends_with_a_full_word(text: str, title: str) -> None:
    assert headline(text, 4, 24) == title


def test_articles_are_recognised_at_the_beginning_of_a_name() -> None:
    assert (without_article("the Honest Loaf"), without_article("Theo"), without_article("The")) == (
        "Honest Loaf",
        "Theo",
        "The",
    )
    assert (sentence_start("the Honest Loaf"), sentence_start("adidas")) == ("The Honest Loaf", "adidas")
    assert (lower_article("A bell"), lower_article("Abel & Sons")) == ("a bell", "Abel & Sons")
    assert lower_article("Los Angeles pizza") == "Los Angeles pizza"


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
