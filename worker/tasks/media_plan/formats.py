"""The posts of a media plan's offline drafts: kinds of channels, and the formats that suit each one.

A user's keyword stands before or after a colon or at the end of a question, never where English grammar could bend it.
"""

import re
from typing import NamedTuple


class Format(NamedTuple):
    """A kind of post; its texts have the fields of `herald.worker.tasks.media_plan.draft.post_texts`."""

    title: str
    copy: str
    action: str
    """The call to action; for stories, the one where readers can comment, save and follow."""
    asks: bool = False
    """Whether the post asks its readers for an answer."""


STORIES = [
    Format("a checklist for {doing}", "{Topic}: your checklist for {doing}. 1. {A}. 2. {B}. 3. {C}.", "Save this checklist for later"),
    Format("three questions to help you {do}", "Three short questions help you {do}: What matters most to you? What can wait? Who could help? Topic of the day: {topic}", "Share your answers in the comments", asks=True),
    Format("the most common mistake when {doing}", "It happens to almost everyone: {mistake}. Here is a better way: {a}. Today’s topic: {topic}", "Share this with someone who needs it"),
    Format("one tip for {doing}", "{line} Our tip: {b}. More on this topic soon: {topic}", "Follow us for more tips"),
    Format("how to {do}", "Here is one way to {do}. {A}. Then {b}. Finally, {c}. In focus today: {topic}", "Save this post for later"),
    Format("why it pays to {do}", "There is a good reason to {do}. {line} A first step for today: {a}. This week’s topic: {topic}", "Follow us to see more"),
    Format("{doing} in three steps", "{Topic}: three steps, no detours. First, {a}. Second, {b}. Third, {c}.", "Save these three steps"),
    Format("a short guide to {doing}", "Our short guide to {doing} begins with a simple rule: {c}. From there it leads you to where you want to be. Guide of the week: {topic}", "Save this guide for later"),
    Format("what we have learned about {doing}", "{line} That is what experience has taught us. So {c}, and avoid the usual mistake: {mistake}. Our topic today: {topic}", "Share what you have learned"),
    Format("how do you {do}?", "Question of the week: {topic} How do you {do}: on your own, with people you know, or with an expert?", "Vote in the comments", asks=True),
    Format("{doing} without the stress", "No rush: {b}. Everything else can wait for another day. {line} A calm look at the topic: {topic}", "Share this with someone who is in a hurry"),
    Format("the dos and don’ts of {doing}", "{Topic}: a good idea is to {a}. An even better one is to {c}. Not such a good idea: {mistake}.", "Add your own in the comments"),
    Format("ask us about {doing}", "Your turn: what would you like to know about {doing}? We answer every question, including the difficult ones. Our topic: {topic}", "Put your question in the comments", asks=True),
    Format("our team’s view on {doing}", "If you ask our team about {doing}, you will hear two things. First, {b}. Second, {c}. On the table today: {topic}", "Ask our team in the comments"),
]  # fmt: skip
"""For channels with room for a few sentences."""

SEARCH_ADS = [
    Format("{Do} | See what we offer", "{line} See what we offer on our website.", "See the offer"),
    Format("{Do} | Talk to people who know", "Talk to people who know their field. {line}", "Contact us"),
    Format("{Do} | The facts on one page", "All the facts on one page. {line}", "Learn more"),
    Format("{Do} | Clear answers", "Clear answers before you decide. {line}", "Get answers"),
    Format("{Do} | Find your fit", "Find the option that fits you. {line}", "See the options"),
    Format("{Do} | Ask before you decide", "Ask us before you decide. {line}", "Contact us"),
    Format("{Do} | See how it works", "See how it works, step by step. {line}", "See how it works"),
    Format("{Do} | Start here", "You are in the right place. {line}", "Start now"),
    Format("{Do} | Your questions, answered", "Our advice: {a}. Questions? We are happy to help.", "Contact us"),
    Format("{Do} | Decide with confidence", "Know what you get before you say yes. {line}", "Learn more"),
    Format("{Do} | Good to know", "Good to know: {b}. Find out more on our website.", "Learn more"),
    Format("{Do} | Send an enquiry", "A short message is enough. {line}", "Send an enquiry"),
    Format("{Do} | A closer look", "Take a closer look. Our tip: {c}.", "Learn more"),
    Format("{Do} | We are here to help", "We are here to help. {line}", "Contact us"),
]  # fmt: skip
"""A headline and a description in the length of a search ad."""

LINES = [
    Format("{Do}. We are ready when you are", "{Topic}: {lower_line} We are ready when you are.", "Visit our website"),
    Format("{Do}. We are here to help", "{Question} {Do}. We are here to help.", "Call us"),
    Format("{Do}. The rest is easier", "{Topic}: {lower_line} The rest is easier.", "Visit our website"),
    Format("{Do}. Come and see for yourself", "{Question} {Do}. Come and see for yourself.", "Drop by"),
    Format("{Do}. You set the pace", "{Topic}: {lower_line} You set the pace.", "Visit our website"),
    Format("{Do}. It starts with a call", "{Question} {Do}. It starts with a call.", "Call us"),
    Format("{Do}. Today is a good day", "{Topic}: {lower_line} Today is a good day.", "Drop by"),
    Format("{Do}. Simple as that", "{Question} {Do}. Simple as that.", "Visit our website"),
    Format("{Do}. You will be glad you did", "{Topic}: {lower_line} You will be glad you looked.", "Visit our website"),
    Format("{Do}. Then talk to us", "{Question} {Do}. Then talk to us.", "Call us"),
    Format("{Do}. Why wait?", "{Topic}: {lower_line} Why wait?", "Drop by"),
    Format("{Do}. Count on us", "{Question} {Do}. Count on us.", "Visit our website"),
    Format("{Do}. It is worth it", "{Topic}: {lower_line} See what it is worth to you.", "Visit our website"),
    Format("{Do}. Just ask us", "{Question} {Do}. Just ask us.", "Call us"),
]  # fmt: skip
"""One strong line, for channels that people pass by, leaf through or overhear."""


class Kind(NamedTuple):
    """A kind of channel: its formats, and the calls to action of its posts."""

    formats: list[Format]
    hashtags: bool = False
    answer: str = ""
    """The call to action of posts that ask for an answer; empty if each format has its own."""
    more: tuple[str, ...] = ()
    """The calls to action of all other posts, which take turns."""


SOCIAL = Kind(STORIES, hashtags=True)
VIDEO = Kind(STORIES, hashtags=True, answer="Answer in the comments", more=("Watch the video", "Subscribe for the next video", "Watch it to the end and share it"))  # fmt: skip
EMAIL = Kind(STORIES, answer="Reply to this email", more=("Read more on our website", "Forward this email to someone who needs it", "Reply to this email with your question"))  # fmt: skip
ARTICLE = Kind(STORIES, answer="Send us your answer", more=("Read the full article", "Get in touch if you have a question", "Subscribe to our newsletter"))  # fmt: skip
AUDIO = Kind(STORIES, answer="Send us a voice message", more=("Listen to the episode", "Subscribe to the podcast", "Share the episode"))  # fmt: skip
SEARCH = Kind(SEARCH_ADS)
POSTER = Kind(LINES)
OTHER = Kind(STORIES, answer="Talk to us about it", more=("Get in touch", "Find out more", "Talk to us"))

WORDS = (
    (SEARCH, "google bing adwords sea sem ppc search"),
    (EMAIL, "email emails mail mailing mailings newsletter newsletters"),
    (AUDIO, "podcast podcasts"),
    (POSTER, "press newspaper newspapers magazine magazines print ooh dooh outdoor billboard billboards poster "
             "posters flyer flyers leaflet leaflets radio tv television cinema banner banners display plakat plakate "
             "zeitung anzeige anzeigen"),
    (VIDEO, "youtube vimeo video videos twitch"),
    (ARTICLE, "blog blogs website seo article articles content"),
    (SOCIAL, "instagram linkedin tiktok pinterest facebook meta x twitter threads bluesky mastodon snapchat reddit xing "
             "social"),
)  # fmt: skip
"""Words in a channel's name that reveal its kind; the first match counts."""


def kind_of(channel: str) -> Kind:
    """Return the kind of a channel, judging by its name."""
    name = " ".join(re.findall(r"\w+", channel.lower()))
    words = set(name.replace("out of home", "ooh").replace("direct mail", "flyer").split())
    return next((kind for kind, names in WORDS if words & set(names.split())), OTHER)
