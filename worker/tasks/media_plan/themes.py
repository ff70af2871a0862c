"""The themes of a media plan's offline drafts: one per week of the longest plan."""

from collections.abc import Sequence
from typing import NamedTuple


class Theme(NamedTuple):
    """The theme of a week, in the forms that titles and texts need.

    None of it says what the plan is about, so it fits any keyword.
    """

    doing: str
    do: str
    line: str
    """A sentence that can stand alone on a poster."""
    mistake: str
    """Completes “The most common mistake: …”."""
    tips: tuple[str, str, str]
    """Three pieces of advice in the imperative; each fits after a colon and makes sense without the others."""


THEMES = [
    Theme("getting started", "get started", "A good start beats a perfect plan.", "waiting for the perfect moment", (
        "write down what you want to achieve", "pick the one thing to do first", "put a date in the calendar")),
    Theme("finding out what you need", "find out what you need", "One good question saves ten wrong turns.", "asking about the price and nothing else", (
        "note your questions before you call anyone", "ask what is included and what is not", "ask what happens if something goes wrong")),
    Theme("comparing your options", "compare your options", "The best option is the one that fits you.", "comparing prices only", (
        "choose three options at most", "compare on the points that matter to you", "leave out every option that you cannot check")),
    Theme("setting a budget", "set a budget", "A clear budget makes every choice easier.", "looking at the price and forgetting the follow-up costs", (
        "set an upper limit before you look around", "ask for the full price in writing", "keep a little in reserve")),
    Theme("setting priorities", "set priorities", "First things first.", "trying to get everything right at once", (
        "list everything that you would like to have", "mark the two points that you cannot do without", "treat everything else as a bonus")),
    Theme("planning ahead", "plan ahead", "Plan early, relax later.", "leaving everything to the last week", (
        "start from the day when everything has to be ready", "work backwards from the big day", "leave one free day for surprises")),
    Theme("checking the details", "check the details", "Small details make a big difference.", "reading the details only after saying yes", (
        "read the description to the end", "check dates and conditions twice", "ask about anything that is unclear")),
    Theme("getting good advice", "get good advice", "Good advice starts with listening.", "asking five people and trusting the loudest", (
        "ask someone who has done it before", "describe your situation before you ask for an answer", "be wary of advice that comes without reasons")),
    Theme("making up your mind", "make up your mind", "You do not need every answer to decide well.", "collecting facts until it is too late", (
        "set a day for the decision", "name the one point that would change your mind", "sleep on it once")),
    Theme("saving time", "save time", "Your time is worth a little thought.", "saving minutes first and losing hours later", (
        "do the same kind of task in one go", "hand over what others do faster", "agree on a fixed date instead of sending ten messages")),
    Theme("starting small", "start small", "Small is a good size to begin with.", "going all in before the first try", (
        "choose a first step that takes less than an hour", "wait for the first result before you do more", "keep what works and drop the rest")),
    Theme("recognising quality", "recognise quality", "Quality shows when you look closely.", "trusting the picture and not the details", (
        "look for examples of finished work", "ask who does the work and how", "notice how your questions are answered")),
    Theme("getting prepared", "get prepared", "Well prepared is half done.", "finding out on the day that something is missing", (
        "make a list of everything you need", "clear up open questions the day before", "keep all the papers in one place")),
    Theme("reading reviews", "read reviews", "Read the reviews, then trust your own eyes.", "looking at the stars and skipping the words", (
        "read the reviews in the middle first", "look for people with needs like yours", "see how complaints are answered")),
    Theme("keeping it simple", "keep it simple", "Simple is what works on a busy day.", "adding one more option just in case", (
        "decide what you can leave out", "use the plainest solution that does the job", "explain your choice in one sentence")),
    Theme("getting others on board", "get others on board", "Better together than perfect alone.", "asking the others once everything is settled", (
        "ask early what the others need", "share the reasons as well as the result", "give everyone one thing to decide")),
    Theme("finding the right time", "find the right time", "The right time is often sooner than you think.", "waiting until everybody else has the same idea", (
        "look at the weeks when you have the least to do", "avoid the days when everyone is busy", "book as soon as you know the date")),
    Theme("avoiding surprises", "avoid surprises", "No surprises is a promise worth asking for.", "taking things for granted that nobody has promised", (
        "ask for the important points in writing", "find out what is not included", "agree on what happens if plans change")),
    Theme("learning from others", "learn from others", "Someone has been here before you.", "copying others without asking why they did it", (
        "talk to someone who did the same last year", "ask what they would do differently", "take over one idea instead of all of them")),
    Theme("building a routine", "build a routine", "A little every week goes a long way.", "starting with a plan that only works in a quiet week", (
        "choose a fixed day of the week", "start with ten minutes", "put a reminder where you will see it")),
    Theme("tracking your progress", "track your progress", "Progress is easier to see on paper.", "measuring everything and looking at none of it", (
        "choose one number that matters", "note where you stand today", "compare again in four weeks")),
    Theme("solving problems early", "solve problems early", "Small problems are easier to solve.", "hoping that a problem will go away by itself", (
        "say early when something is not right", "describe what you see before you look for a cause", "agree on who does what by when")),
    Theme("trying something new", "try something new", "There is more than one good way.", "giving up after the first attempt", (
        "change one thing at a time", "give every attempt two weeks", "note what you liked and what you did not")),
    Theme("getting a second opinion", "get a second opinion", "Two views are better than one.", "asking only the people who always agree", (
        "ask someone who has nothing to gain", "give everyone you ask the same facts", "look closely where opinions differ")),
    Theme("taking stock", "take stock", "Look back once, then look ahead.", "looking only at what went wrong", (
        "note three things that went well", "name one thing to change", "decide what you will no longer do")),
    Theme("taking the next step", "take the next step", "The next step is the one that counts.", "reading one more article instead of acting", (
        "choose a date this week", "contact one person who can help", "do the smallest part today")),
]  # fmt: skip

SUITABLE = {
    "buy": (
        "set a budget",
        "make up your mind",
        "plan ahead",
        "save time",
        "take the next step",
        "avoid surprises",
    ),
    "compare": (
        "compare your options",
        "read reviews",
        "recognise quality",
        "get a second opinion",
        "check the details",
    ),
    "learn": (
        "find out what you need",
        "get good advice",
        "learn from others",
        "keep it simple",
        "try something new",
    ),
    "visit": ("find the right time", "get prepared", "plan ahead", "check the details", "avoid surprises"),
    "discover": (
        "get started",
        "start small",
        "set priorities",
        "find out what you need",
        "try something new",
    ),
}
"""The themes that suit each search intent best, in order of preference."""


def themes_for(intents: Sequence[str]) -> list[Theme]:
    """Choose a theme for each week, given the intent of its keywords; none is chosen twice."""
    left = {theme.do: theme for theme in THEMES}
    chosen = []
    for intent in intents:
        suitable = [do for do in SUITABLE.get(intent, ()) if do in left]
        chosen.append(left.pop((suitable or list(left))[0]))
    return chosen
