"""The search intents and the channels that a media plan's offline drafts know."""

from typing import NamedTuple

from herald.worker.tasks.media_plan.formats import ARTICLE, AUDIO, EMAIL, POSTER, SEARCH, SOCIAL, VIDEO


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
    """Followed by a keyword."""
    kpis: tuple[str, str]
    weight: int
    """Its usual share of a budget, relative to the other channels."""
    words: frozenset[str] = frozenset()
    """Words in a brief that suggest the channel, in the singular."""


CHANNELS = {
    "Instagram": KnownChannel("Discovery through photos and short videos. First topic", ("Saves", "Profile visits"), 4, frozenset("craft food fashion design travel beauty art gift home photo visual pottery workshop bakery bread cake pastry cafe restaurant dog cat pet puppy grooming groomer salon hair nail wedding flower jewellery jewelry handmade yoga fitness".split())),
    "LinkedIn": KnownChannel("Trust among decision-makers through expert posts and case studies. First topic", ("Click-through rate", "Leads"), 4, frozenset("b2b software hiring team enterprise business consulting consultant saas lead talent industry crm erp payroll invoicing accounting accountant accountancy agency logistics procurement compliance".split())),
    "YouTube": KnownChannel("Depth through videos that people keep finding. First topic", ("Watch time", "Subscribers"), 3, frozenset("tutorial course video demo diy review lesson gaming".split())),
    "TikTok": KnownChannel("Reach through short, informal videos. First topic", ("Completion rate", "Shares"), 3, frozenset("young fun trend music game student teenager viral".split())),
    "Pinterest": KnownChannel("Inspiration for people who are planning ahead. First topic", ("Saves", "Outbound clicks"), 2, frozenset("idea home craft wedding recipe decor gift diy interior".split())),
    "Google Ads": KnownChannel("Demand from people who are searching right now. First search term", ("Cost per click", "Conversions"), 5, frozenset("buy price cost order book booking near best cheap service ticket sell sale hire signup dentist appointment quote repair plumber electrician groomer grooming cleaning software crm payroll salon hotel".split())),
    "Local press": KnownChannel("Local awareness through short ads and listings. First topic", ("Mentions", "Visits"), 2, frozenset("local event city village town neighbourhood studio opening festival near workshop".split())),
    "Newsletter": KnownChannel("Loyalty through regular news to people who already know you. First topic", ("Open rate", "Replies"), 1, frozenset("subscriber member membership community loyal repeat regular donor donation donate supporter charity".split())),
    "Facebook": KnownChannel("Community through posts and events. First topic", ("Comments", "Event responses"), 3, frozenset("community local family neighbourhood donor donation supporter charity volunteer club near dog pet event".split())),
    "Blog": KnownChannel("Search traffic through articles that answer common questions. First topic", ("Organic visits", "Time on page"), 2),
    "Email": KnownChannel("Loyalty through regular news to people who already know you. First topic", ("Open rate", "Replies"), 1),
    "Radio": KnownChannel("Awareness through short spots. First topic", ("Estimated reach", "Enquiries"), 3),
    "Podcast": KnownChannel("Depth through conversations. First topic", ("Downloads", "Completion rate"), 2),
}  # fmt: skip
KINDS = (
    (
        SOCIAL,
        KnownChannel("Conversation through regular posts. First topic", ("Comments", "Profile visits"), 2),
    ),
    (VIDEO, CHANNELS["YouTube"]),
    (EMAIL, CHANNELS["Email"]),
    (ARTICLE, CHANNELS["Blog"]),
    (AUDIO, CHANNELS["Podcast"]),
    (SEARCH, CHANNELS["Google Ads"]),
    (
        POSTER,
        KnownChannel("Awareness through one strong line. First topic", ("Estimated reach", "Enquiries"), 3),
    ),
)
"""What the rules know about a channel of a kind that they do not know by name."""
OTHER_CHANNEL = KnownChannel("Support for the other channels. First topic", ("Reach", "Responses"), 2)
USUAL = ("Instagram", "Google Ads", "Newsletter", "Facebook")
"""Preferred, in this order, where the words of a brief suggest several channels equally."""
BUSINESS = ("LinkedIn", "Google Ads", "Newsletter", "Blog", "YouTube", "Podcast")
"""The same for a brief that is about companies; other channels are not suggested for it."""
