"""The phrases of a media plan's offline drafts: intents, channels, weeks and posts.

Users' words only appear after a colon or in quotation marks, so that a sentence is correct whatever they are.
"""

from typing import NamedTuple


class Intent(NamedTuple):
    """Why people search for a keyword, the words that reveal it, and how to answer."""

    name: str
    intent: str
    message: str
    words: frozenset[str]


INTENTS = [
    Intent("Ready to act", "buy", "People who search for {keywords} are ready to act: make the next step clear and easy to take.", frozenset("buy price prices pricing cost costs order shop book booking ticket tickets hire gift gifts sale deal discount cheap offer donate appointment".split())),
    Intent("Comparing", "compare", "People who search for {keywords} are comparing: be honest about what sets you apart, and let others speak for you.", frozenset("best top vs versus review reviews alternative alternatives compare comparison rated".split())),
    Intent("Learning", "learn", "People who search for {keywords} want to learn: answer their question first, then show how you can help.", frozenset("how what why guide tips tutorial learn ideas course courses class classes workshop workshops beginner beginners diy".split())),
    Intent("Nearby", "visit", "People who search for {keywords} want to come by: say where you are, when you are open and what to expect.", frozenset("near nearby local map studio store event events tour".split())),
]  # fmt: skip
DISCOVER = "People who search for {keywords} are still exploring: use real examples to show what is worth a closer look."


class KnownChannel(NamedTuple):
    """A channel with a role, KPIs and a budget share of its own."""

    role: str
    kpis: tuple[str, str]
    weight: int
    """Its usual share of a budget, relative to the other channels."""
    words: frozenset[str] = frozenset()
    """Words in a brief that suggest the channel."""


CHANNELS = {
    "Instagram": KnownChannel("Discovery: photos and short videos on {keyword}", ("Saves", "Profile visits"), 4, frozenset("craft crafts food fashion design travel beauty art gift gifts home photo visual pottery workshop bakery bread".split())),
    "LinkedIn": KnownChannel("Decision-makers: expert posts and case studies on {keyword}", ("Click-through rate", "Leads"), 4, frozenset("b2b software hire hiring team teams enterprise business consulting saas leads talent industry crm invoicing".split())),
    "YouTube": KnownChannel("Depth: videos on {keyword} that people keep finding through search", ("Watch time", "Subscribers"), 3, frozenset("how tutorial guide learn course video demo diy".split())),
    "TikTok": KnownChannel("Reach: short, informal videos on {keyword}", ("Completion rate", "Shares"), 3, frozenset("young fun trend music game students viral".split())),
    "Pinterest": KnownChannel("Inspiration: pins on {keyword} for people who are planning ahead", ("Saves", "Outbound clicks"), 2, frozenset("ideas home craft wedding recipe decor gift gifts diy interior".split())),
    "Google Ads": KnownChannel("Demand: ads for people who are searching for {keyword} right now", ("Cost per click", "Conversions"), 5, frozenset("buy price order book near ticket sell sale hire signup signups dentist appointment".split())),
    "Local press": KnownChannel("Local awareness: news and event listings on {keyword}", ("Mentions", "Visits"), 2, frozenset("local event city village studio opening festival near workshop".split())),
    "Newsletter": KnownChannel("Loyalty: regular news on {keyword} for people who already know you", ("Open rate", "Replies"), 1, frozenset("subscribers members community loyal repeat donors supporters".split())),
    "Facebook": KnownChannel("Community: posts and events on {keyword}", ("Comments", "Event responses"), 3, frozenset("community local families neighbourhood donors supporters".split())),
    "Blog": KnownChannel("Search: articles on {keyword} that answer common questions", ("Organic visits", "Time on page"), 2),
    "Email": KnownChannel("Loyalty: regular news on {keyword} for people who already know you", ("Open rate", "Replies"), 1),
    "Radio": KnownChannel("Awareness: short spots on {keyword}", ("Estimated reach", "Enquiries"), 3),
    "Podcast": KnownChannel("Depth: conversations about {keyword}", ("Downloads", "Completion rate"), 2),
}  # fmt: skip
OTHER_CHANNEL = KnownChannel("Support: material on {keyword} in the format that suits this channel", ("Reach", "Responses"), 2)  # fmt: skip
USUAL = ("Instagram", "Newsletter", "LinkedIn")
SOCIAL = frozenset({"instagram", "linkedin", "youtube", "tiktok", "pinterest", "facebook", "x", "twitter", "threads", "bluesky", "mastodon"})  # fmt: skip
"""Channels on which readers can comment, save and follow."""


class Theme(NamedTuple):
    """The theme of a week: an activity, and sentences to open its posts with."""

    activity: str
    openings: tuple[str, str, str]


THEMES = [
    Theme("getting started", (
        "Just starting to look into {keyword}? The first step is smaller than it seems.",
        "Every expert on {keyword} started out as a beginner.",
        "New to {keyword}? Welcome! You are in the right place.",
    )),
    Theme("asking questions", (
        "The best conversations about {keyword} start with a good question.",
        "There are no silly questions about {keyword}.",
        "We get a lot of questions about {keyword}, and we enjoy every one of them.",
    )),
    Theme("comparing options", (
        "Search for {keyword} and you will find plenty of options, but few that are easy to compare.",
        "With {keyword}, the best choice is not the same for everyone.",
        "Too many results for {keyword}? It helps to know what matters to you.",
    )),
    Theme("setting expectations", (
        "Good to know before you look into {keyword}: what to expect, and what not to expect.",
        "We would rather be honest about {keyword} than promise too much.",
        "Ask three people about {keyword} and you will hear three different things.",
    )),
    Theme("learning the basics", (
        "Searching for {keyword} is easier once you know a few basics.",
        "Most of what people say about {keyword} comes down to a few simple ideas.",
        "You do not need any prior knowledge to look into {keyword}.",
    )),
    Theme("making a decision", (
        "Still undecided about {keyword}? You do not need to know everything, only what matters to you.",
        "A good decision about {keyword} is one that still feels right next month.",
        "If {keyword} feels like a big decision, break it down into smaller ones.",
    )),
    Theme("planning ahead", (
        "If you have plans for {keyword}, a little preparation goes a long way.",
        "Now is a good time to put {keyword} on your list.",
        "With a simple plan for {keyword}, you can relax.",
    )),
    Theme("setting a budget", (
        "If {keyword} is on your list, it helps to set a budget early.",
        "Let us talk openly about {keyword} and money.",
        "When it comes to {keyword}, good value means something different to everyone.",
    )),
    Theme("getting advice", (
        "There is a lot of advice about {keyword}. Not all of it will suit you.",
        "When it comes to {keyword}, it helps to have someone to ask.",
        "Good advice on {keyword} starts with listening.",
    )),
    Theme("saving time", (
        "Looking into {keyword} does not have to take all week.",
        "Short on time, but interested in {keyword}? This one is for you.",
        "When it comes to {keyword}, a few minutes of thought can save hours later.",
    )),
    Theme("starting small", (
        "You do not have to go all in on {keyword} from day one.",
        "Curious about {keyword}? Start with something small.",
        "When it comes to {keyword}, a small start is still a start.",
    )),
    Theme("judging quality", (
        "Not everything that turns up under {keyword} is worth your time.",
        "When it comes to {keyword}, quality is in the details.",
        "You do not have to be an expert on {keyword} to recognise good work.",
    )),
    Theme("getting ready", (
        "When it comes to {keyword}, a little preparation makes all the difference.",
        "Before you turn to {keyword}, take a moment to get ready.",
        "With {keyword} coming up, it is worth getting a few things ready.",
    )),
    Theme("involving others", (
        "Few people deal with {keyword} entirely on their own.",
        "Other people often have good ideas about {keyword}, if you ask them.",
        "Talk to someone about {keyword} today, and you will both see it more clearly.",
    )),
    Theme("improving step by step", (
        "When it comes to {keyword}, nobody gets everything right the first time.",
        "Some of the best lessons about {keyword} come from things that went wrong.",
        "There is always something left to learn about {keyword}.",
    )),
    Theme("making time", (
        "Everyone is busy, and {keyword} is easy to put off.",
        "There is never a perfect moment for {keyword}.",
        "Half an hour this week is enough to read up on {keyword}.",
    )),
    Theme("explaining it to others", (
        "Try to explain {keyword} to a friend in one sentence. It is harder than it sounds.",
        "If a child asked you about {keyword}, you would find simple words for it.",
        "When it comes to {keyword}, plain words work best.",
    )),
    Theme("trying something new", (
        "There is more than one way to approach {keyword}.",
        "From time to time, it helps to look at {keyword} with fresh eyes.",
        "When it comes to {keyword}, curiosity is a good guide.",
    )),
    Theme("measuring results", (
        "When it comes to {keyword}, progress is not always easy to see.",
        "A good result means something different to everyone who looks into {keyword}.",
        "It is worth deciding early what you hope to get from {keyword}.",
    )),
    Theme("building a routine", (
        "When it comes to {keyword}, small and regular steps often work best.",
        "Set aside ten minutes a week for {keyword}.",
        "Reading a little about {keyword} every week soon adds up.",
    )),
    Theme("asking for help", (
        "You do not have to figure out {keyword} alone.",
        "Stuck on something to do with {keyword}? It happens to everyone.",
        "Asking for help with {keyword} is a sign of good judgement.",
    )),
    Theme("getting more out of it", (
        "Already familiar with {keyword}? Then this one is for you.",
        "There is often more to {keyword} than people expect.",
        "When it comes to {keyword}, small changes can make a big difference.",
    )),
    Theme("making it last", (
        "First impressions of {keyword} fade quickly. What matters is what lasts.",
        "When it comes to {keyword}, it pays to think in years, not in days.",
        "When it comes to {keyword}, a little care goes a long way.",
    )),
    Theme("going further", (
        "Once you know your way around {keyword}, things get interesting.",
        "Think you know everything about {keyword}? There is always more to discover.",
        "Ready to look more closely at {keyword}? So are we.",
    )),
    Theme("sharing experiences", (
        "If you know a thing or two about {keyword}, others will be glad to hear it.",
        "Nothing beats hearing about {keyword} from someone who has been there.",
        "Your experience with {keyword} could help someone else.",
    )),
    Theme("taking the next step", (
        "If {keyword} has been on your mind for a while, now is a good moment.",
        "You have read enough about {keyword}. Now it is time to act.",
        "When it comes to {keyword}, the next step is often easier than the first.",
    )),
]  # fmt: skip
"""One per week of the longest plan, so that no two weeks share a theme."""


class Format(NamedTuple):
    """A kind of post: the end of its title, the body of its copy, and its calls to action."""

    title: str
    body: str
    social: str
    """The call to action where readers can comment, save and follow."""
    elsewhere: str


FORMATS = [
    Format("a checklist for {activity}", "Here is our checklist: what to clarify first, what to prepare, and what can wait.", "Save this checklist for later", "Ask us for the checklist"),
    Format("three questions about {activity}", "Three questions make things clearer: What do you want to achieve? What do you already have? What is still missing?", "Add your own question in the comments", "Send us your own question"),
    Format("a common mistake when {activity}", "The most common mistake is to rush. Take a moment to note what you want to achieve, and the rest gets easier.", "Share this with someone who needs it", "Talk to us before you start"),
    Format("a quick tip for {activity}", "Our tip: write down the one thing that matters most to you, and let everything else follow from it.", "Follow us for more tips", "Ask us for more tips"),
    Format("a personal story about {activity}", "One of us remembers how it all began: what was difficult, what helped, and what we would do differently today.", "Tell us your story in the comments", "Tell us your story"),
    Format("our own approach to {activity}", "Our own approach is simple: we listen first, keep things clear, and admit what we do not know.", "Follow us to see more", "Come and see how we work"),
    Format("two ways of {activity}, side by side", "There is a quick way and a thorough way. Both have their place, and the right one depends on what you need.", "Tell us which one you prefer", "Tell us which one you prefer"),
    Format("a myth about {activity}", "One myth is hard to kill: that it is only for experts. In fact, curiosity and a good first conversation are enough.", "Share the myth you hear most", "Ask us what is true"),
    Format("a short guide to {activity}", "Our short guide has three parts: where you are now, where you want to be, and the first thing to do about it.", "Save this guide for later", "Ask us for the guide"),
    Format("one small step towards {activity}", "Pick one small thing that you can do today, do it, and see how it feels. That is often all it takes.", "Tell us your first step", "Take your first step today"),
    Format("your opinion on {activity}", "Now we would like to hear from you: do you trust your gut, plan every detail, or ask someone you know?", "Vote in the comments", "Send us your vote"),
    Format("a five-minute exercise for {activity}", "Take five minutes and a sheet of paper. Note what you know, what you want to know, and who you could ask.", "Try it and share your result", "Try it today"),
    Format("our team on {activity}", "We asked our team for their view. Their answer: take it seriously, but do not make it complicated.", "Ask our team in the comments", "Get in touch with our team"),
    Format("an open Q&A on {activity}", "Now it is your turn: ask us anything. We answer every question, including the difficult ones.", "Put your question in the comments", "Send us your question"),
]  # fmt: skip
"""One per post of the fullest week, so that each combination of theme and format occurs once in a plan."""
