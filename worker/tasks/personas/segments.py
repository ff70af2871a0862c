"""The segments of customers that the offline drafts of personas know."""

from typing import NamedTuple


class Segment(NamedTuple):
    """A group of people that most markets have, and what is typical of one of them.

    ``situation`` continues a sentence that begins with the person's name. It names the product once, after a colon.
    """

    name: str
    ages: tuple[int, int]
    occupations: tuple[str, str, str]
    situation: str
    need: str
    goals: tuple[str, str, str]
    frustrations: tuple[str, str]
    objections: tuple[str, str]
    channels: tuple[str, str, str]
    quote: str


SEGMENTS = [
    Segment(
        "Newcomers", (19, 29), ("student", "junior designer", "trainee nurse"),
        situation="has just come across something new: {product}. Nobody among friends has tried it yet. Trying things out comes more naturally than reading about them, but a bad start would be the end of it.",
        need="A good first experience that requires no prior knowledge",
        goals=("Find out quickly whether it is the right choice", "Get a first result without having to ask for help", "Tell friends about it without having to explain too much"),
        frustrations=("Explanations that assume too much prior knowledge", "Having to register before seeing anything"),
        objections=("Is it really suitable for beginners?", "What happens if I start and do not like it?"),
        channels=("Instagram, for a first impression", "TikTok, to see it in action", "Friends, for a recommendation"),
        quote="If it is as easy as they say, I would like to see it for myself.",
    ),
    Segment(
        "Busy professionals", (31, 45), ("project manager", "physiotherapist", "electrician"),
        situation="has a full working week and one more thing to fit in: {product}. Reliability counts for more than extras, and everything has to be quick to arrange.",
        need="Something that works the first time, every time",
        goals=("Spend less time on organising things", "Rely on it without having to think about it", "Have one person to call if anything goes wrong"),
        frustrations=("Extra steps that add nothing", "Waiting for days for a reply to a simple question"),
        objections=("How much effort does it take to get going?", "Will it still work on a bad day?"),
        channels=("Search engines, in the evening", "Newsletters, on the way to work", "Colleagues, over lunch"),
        quote="I do not need anything fancy. I need it to work on a busy Tuesday.",
    ),
    Segment(
        "Sceptics", (36, 62), ("accountant", "journalist", "lab technician"),
        situation="has been disappointed before and is now taking a second look: {product}. Good arguments can still win a sceptic over; big words cannot.",
        need="One clear difference from the last disappointment",
        goals=("Check the claims before spending any money", "Hear about the limits as well as the benefits", "Avoid making the same mistake again"),
        frustrations=("Big promises in small advertisements", "Customer reviews that all sound alike"),
        objections=("Why should it work better this time?", "Can I get my money back if it does not?"),
        channels=("Independent tests, before anything else", "Online forums, for the bad news", "Consumer advice, for the small print"),
        quote="I have heard it all before. What is different this time?",
    ),
    Segment(
        "Careful spenders", (21, 38), ("apprentice", "sales assistant", "freelance translator"),
        situation="keeps a close eye on every expense and weighs up each new one: {product}. A higher price is acceptable as long as it is clear what it pays for.",
        need="A fair price that is clear from the start",
        goals=("Know the full cost in advance", "Get good value without giving up what matters", "Avoid long commitments"),
        frustrations=("Fees that only appear at checkout", "Paying for extras that nobody needs"),
        objections=("Is there a smaller option?", "Can I cancel at any time?"),
        channels=("Comparison sites, for the price", "Group chats, for tips from friends", "Email, for current offers"),
        quote="Tell me the full price first, and then everything else.",
    ),
    Segment(
        "People short of time", (35, 52), ("surgeon", "company founder", "event caterer"),
        situation="rarely has a free hour but has made a mental note: {product}. Decisions are made on the phone, between two appointments, and anything that takes longer is forgotten.",
        need="A first result in fifteen minutes",
        goals=("Fit it into the gaps of the day", "Hand over the details to someone reliable", "Get a reminder at the right moment"),
        frustrations=("Long forms and phone queues", "Appointments that start late"),
        objections=("How long will it take before it is worth it?", "Can someone take care of it for me?"),
        channels=("Podcasts, in the car", "Messaging apps, for short questions", "Colleagues, for a quick recommendation"),
        quote="You have fifteen minutes. Convince me.",
    ),
    Segment(
        "Returning customers", (33, 50), ("architect", "social worker", "chef"),
        situation="remembers this fondly from years ago: {product}. The interest is still there, and so is the worry about having lost touch.",
        need="An easy way back",
        goals=("Pick up where they left off", "See at a glance what has changed since then", "Enjoy it again without any pressure"),
        frustrations=("Being treated like a complete beginner", "Having to set everything up from scratch"),
        objections=("Have I been away for too long?", "Is it still the way I remember it?"),
        channels=("Newsletters, as a friendly reminder", "Facebook, where the old contacts are", "Old friends, for encouragement"),
        quote="I used to enjoy this so much. Perhaps it is time to come back.",
    ),
    Segment(
        "Family planners", (34, 52), ("school secretary", "paramedic", "bank clerk"),
        situation="plans for the whole family and has a new suggestion to make: {product}. Three generations have to agree, and the calendar on the fridge is nearly full.",
        need="A choice that the whole family agrees on",
        goals=("Find something that suits every age", "Know what to bring and how long it takes", "Come home without an argument"),
        frustrations=("Fine print about children and grandparents", "Plans that fall apart when one person is ill"),
        objections=("Will the children like it too?", "Can we change the date if someone is ill?"),
        channels=("Facebook, for tips from other parents", "School newsletters, for local offers", "Neighbours, for honest opinions"),
        quote="If everyone is happy on the way home, it was worth it.",
    ),
    Segment(
        "Enthusiasts", (24, 40), ("teacher", "web developer", "florist"),
        situation="has a favourite subject and likes to share it: {product}. General information is not enough; the background and the people make it interesting.",
        need="Depth, and something worth sharing",
        goals=("Learn something new each time", "Meet others who share the same interest", "Be among the first to hear about news"),
        frustrations=("Content that is written for beginners only", "Never getting to talk to the people behind it"),
        objections=("Will it still interest me in a year?", "What does it offer that I do not know yet?"),
        channels=("YouTube, for the details", "Podcasts, for the background", "Meetups, for the people"),
        quote="Give me the details, all of them.",
    ),
    Segment(
        "People who choose for others", (28, 66), ("librarian", "shop assistant", "engineer"),
        situation="is looking for something that will please someone else: {product}. The other person’s taste is known only roughly, and there is no way of asking.",
        need="Confidence that the other person will be happy with it",
        goals=("Find something that fits without having to ask", "Leave room for the other person to choose", "Have everything ready on the day"),
        frustrations=("Not knowing which option fits", "Having to decide on the details too early"),
        objections=("Can it be changed later?", "What if it turns out to be the wrong choice?"),
        channels=("Search engines, for ideas", "Pinterest, to compare them", "Local shops, for personal advice"),
        quote="It is not for me. I just want to see a happy face.",
    ),
    Segment(
        "Group organisers", (29, 58), ("club chair", "event manager", "community worker"),
        situation="organises activities for a group and has a new idea: {product}. Twenty people have to agree, so the offer must be easy to pass on.",
        need="An offer that works for many people at once",
        goals=("Agree on one date, one price and one contact", "Make sure that nobody feels left out", "Have something to look forward to together"),
        frustrations=("Offers that are meant for one person only", "Chasing people for their answers"),
        objections=("How many people can take part?", "Is there a price for groups?"),
        channels=("Local press, for inspiration", "Mailing lists, to ask everyone", "Facebook groups, to share the plan"),
        quote="If it works for the twenty of us, we will be back every year.",
    ),
]  # fmt: skip
"""People who buy for themselves or their families."""

BUSINESSES = [
    Segment(
        "Decision-makers", (40, 56), ("managing director", "business owner", "head of purchasing"),
        situation="has the last word on new suppliers and must justify every choice. On the agenda this month: {product}. Three alternatives are already on the table.",
        need="Evidence, a clear price and a way to back out",
        goals=("Make a choice that holds up in front of the team", "Compare offers without sitting through a sales call", "Know in advance what happens after the contract is signed"),
        frustrations=("Prices that are only available on request", "References that cannot be verified"),
        objections=("What if it does not suit the team?", "Who else has chosen this, and are they happy with it?"),
        channels=("LinkedIn, to see who is behind the offer", "Trade magazines, for an overview", "Peers, for honest references"),
        quote="Show me who else has chosen this, and what they would do differently today.",
    ),
    Segment(
        "Operations managers", (34, 52), ("operations manager", "head of operations", "branch manager"),
        situation="keeps the daily business running and wants fewer manual steps. An idea for the next quarter: {product}. A change is welcome, but not in the busiest week of the month.",
        need="A smooth start that does not interrupt the daily business",
        goals=("Remove work that is done twice", "Train the team in a single morning", "See problems before customers do"),
        frustrations=("Tools that do not talk to each other", "Roll-outs that take longer than promised"),
        objections=("How much of our time will the switch take?", "Does it work with what we already have?"),
        channels=("Webinars, to see a real working day", "Industry events, to talk to users", "Search engines, for step-by-step answers"),
        quote="Show me a normal Monday with it, not the demo.",
    ),
    Segment(
        "Finance leads", (36, 58), ("finance manager", "head of finance", "management accountant"),
        situation="signs off every contract and checks what it brings in. Next on the list: {product}. A saving counts once it shows up in the monthly figures.",
        need="A business case that adds up within a year",
        goals=("Know the total cost over three years", "Show the saving in the monthly report", "Keep records that an auditor accepts"),
        frustrations=("Price lists with too many footnotes", "Savings that nobody can trace"),
        objections=("What does it cost once we grow?", "What is the notice period?"),
        channels=("Email, with the figures attached", "Professional associations, for benchmarks", "Tax and legal advisers, for a second view"),
        quote="I like it. Now show me the numbers.",
    ),
    Segment(
        "Team leads", (29, 45), ("team lead", "department head", "office manager"),
        situation="knows what slows the team down and speaks up for it. A suggestion from the last meeting: {product}. If the team does not take to it in the first week, it never will.",
        need="Something that the team will really use",
        goals=("Give the team an easier day", "Get answers within the hour when something is unclear", "Bring new colleagues up to speed quickly"),
        frustrations=("Decisions made without asking the users", "Help pages that explain everything but the problem"),
        objections=("How long until everyone is familiar with it?", "Who helps us when we get stuck?"),
        channels=("Online communities, for practical tips", "YouTube, for short tutorials", "Colleagues in other companies, for experience"),
        quote="My team decides within a week whether something stays.",
    ),
    Segment(
        "IT and security leads", (31, 54), ("IT manager", "systems administrator", "data protection officer"),
        situation="has to approve everything new before it goes live. The latest request: {product}. The answer depends on access rights, data protection and a clean way out.",
        need="Clear answers on security and data protection",
        goals=("Know where the data is stored", "Give access rights in line with each role", "Be able to export everything at any time"),
        frustrations=("Security questions that go unanswered", "Accounts that nobody looks after"),
        objections=("Who can see our data?", "What happens to the data when we leave?"),
        channels=("Technical documentation, before any call", "Specialist forums, for known problems", "Status pages, for the track record"),
        quote="Send me the documentation first. Then we can talk.",
    ),
    Segment(
        "Owners of small firms", (33, 60), ("owner of a small firm", "sole trader", "partner in a family business"),
        situation="runs the business by day and does the paperwork in the evening. A recommendation from a neighbouring firm: {product}. There is no department to hand it over to and no time for a long project.",
        need="Less paperwork in the evening",
        goals=("Set it up alone in one afternoon", "Pay for what is used and no more", "Reach a real person by phone"),
        frustrations=("Offers made for large companies", "Contracts that run for years"),
        objections=("Is it too much for a firm of our size?", "Can I start with the smallest package?"),
        channels=("Local business networks, for recommendations", "The firm’s accountant, for advice", "Facebook groups, to ask other owners"),
        quote="If it gives me back two evenings a week, I am in.",
    ),
    Segment(
        "Growing companies", (28, 44), ("founder", "chief operating officer", "head of growth"),
        situation="has doubled the team in two years and outgrown the old way of working. On the shortlist: {product}. The next solution should still fit in three years.",
        need="Room to grow without starting over",
        goals=("Replace spreadsheets before they break", "Add new sites without extra work", "Keep an overview while everything changes"),
        frustrations=("Limits that only show up after a year", "Price jumps at the next level"),
        objections=("Will it still fit when we are twice the size?", "How do we move our old data?"),
        channels=("Founder networks, for first-hand reports", "Podcasts, on the way to work", "Comparison portals, for a shortlist"),
        quote="I do not want to have this conversation again next year.",
    ),
    Segment(
        "Disappointed switchers", (35, 57), ("head of administration", "general manager", "project manager"),
        situation="is unhappy with the present supplier and is quietly looking around. A possible replacement: {product}. The contract ends in four months, and a second mistake would be hard to explain.",
        need="A clear difference from the present supplier",
        goals=("Check the claims in a trial", "Speak to a customer who has made the same switch", "Move over without a gap"),
        frustrations=("Support that answers after three days", "Promises that were only made in the sales pitch"),
        objections=("Why should it work better this time?", "Who does the work of moving over?"),
        channels=("Review portals, for the bad news", "Former colleagues, for the true story", "Trade fairs, to compare face to face"),
        quote="We have been promised a lot before. What is different with you?",
    ),
    Segment(
        "Advisers and consultants", (32, 61), ("business consultant", "tax adviser", "independent trainer"),
        situation="advises several companies and is often asked for recommendations. The latest question was about this: {product}. A good name is at stake with every answer.",
        need="A recommendation that is safe to make",
        goals=("Know the strengths and the limits", "Have material to pass on to clients", "Reach a contact who knows the field"),
        frustrations=("Brochures without a single figure", "Changes that clients notice first"),
        objections=("Which clients is it not right for?", "Will my clients be looked after?"),
        channels=("Specialist newsletters, for developments", "Conferences, for background talks", "Partner programmes, for direct contact"),
        quote="I only recommend what I would use myself.",
    ),
    Segment(
        "HR and training leads", (30, 55), ("HR manager", "head of training", "personnel manager"),
        situation="thinks first of the people whose working day will change. A change in preparation: {product}. A good choice is one that nobody complains about after the first month.",
        need="A change that employees accept",
        goals=("Explain the change in plain words", "Treat everyone fairly from day one", "Hear early what is not working"),
        frustrations=("Announcements without training", "Questions that land on the wrong desk"),
        objections=("What do we tell the employees?", "Is there training in several languages?"),
        channels=("HR networks, for good examples", "Workshops, to try things out", "LinkedIn groups, for discussions"),
        quote="People accept a change when they understand what it is for.",
    ),
]  # fmt: skip
"""Buyers and users in companies; the first one fits any product."""

GENERAL = 6
"""The first so many of the `SEGMENTS` fit any product; the others fill up a longer list."""
BUSINESS_WORDS = frozenset(
    "accountancy accountant accountants accounting agencies agency b2b business businesses companies company compliance "
    "consultancy consulting contractors crm employers enterprise enterprises erp firms hr invoices invoicing logistics "
    "payroll procurement recruiters recruiting recruitment retailers saas software startups suppliers team teams "
    "warehouse warehouses wholesale wholesalers workplace buchhaltung firmen lohnabrechnung unternehmen".split()
)
"""Words that suggest that a product is bought by organisations."""
