"""A task type whose schemas have every feature that the page shows, and types that fail or are never run."""

import asyncio
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, StringConstraints
from pydantic.alias_generators import to_camel

from herald import Context, task


class Wire(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, use_attribute_docstrings=True)


class Tone(StrEnum):
    CALM = "calm"
    VERY_BOLD = "very_bold"


class Speaker(Wire):
    name: Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
    role: str | None = None
    topics: list[str] = []


class Venue(Wire):
    """Where the guests meet."""

    city: str
    seats: int = Field(ge=10, le=500)


class Logistics(Wire):
    """Everything that guests will ask about."""

    parking: bool = False
    doors_open: date | None = None


class Event(Wire):
    kind: Literal["event"] = "event"
    event_name: str = Field(examples=["Harvest dinner"], min_length=3, max_length=60)
    description: str
    """What guests will experience."""
    tone: Tone = Tone.CALM
    channels: list[Literal["newsletter", "instagram", "press"]] = ["newsletter"]
    language: Literal["EN", "DE", "DA"]
    guests: int = Field(40, ge=1, le=300)
    budget: Decimal | None = None
    starts_at: datetime
    press_code: str | None = Field(
        None, pattern="^[A-Z]{3}-[0-9]{3}$", description="Three letters, three digits"
    )
    website_url: HttpUrl | None = None
    contact: str | None = Field(None, json_schema_extra={"format": "email"})
    keywords: list[Annotated[str, StringConstraints(max_length=20)]]
    speakers: list[Speaker] = Field(min_length=1, max_length=4)
    venue: Venue | None = None
    logistics: Logistics = Logistics()
    public: bool = True
    discounts: dict[str, float] = {}


class Slot(Wire):
    time: str
    title: str
    speaker: str | None = None
    seats: int


class Chapter(Wire):
    heading: str
    text: str
    sources: list[HttpUrl] = []


class Budget(Wire):
    total: float
    currency: str
    approved: bool


class EventPlan(Wire):
    headline: str
    starts_at: datetime
    booking_opens: date
    tone: Tone
    guests: int
    invitation: str
    key_messages: list[str]
    programme: list[Slot]
    chapters: list[Chapter]
    budget: Budget
    website_url: str


@task("PLAN_EVENT", title="{event_name}", retries=0)
async def plan_event(ctx: Context, event: Event) -> EventPlan:
    """A programme, an invitation and a budget for an event."""
    ctx.emit("guestsConfirmed", event.guests // 2)
    ctx.emit("bestSubjectLine", "You are invited")
    ctx.emit("shortlist", [{"venue": "Old mill", "seats": 80}, {"venue": "Town hall", "seats": 200}])
    await ctx.map("Writing invitations", write, range(12), limit=1)
    return plan_of(event)


async def write(number: int) -> int:
    await asyncio.sleep(0.3)
    return number


def plan_of(event: Event) -> EventPlan:
    """A plan with something of each kind."""
    paragraph = "A long table under the apple trees, a menu from the neighbouring farms, and an evening that ends by the fire. "
    return EventPlan(
        headline=f"{event.event_name}, an evening to remember",
        starts_at=event.starts_at,
        booking_opens=date(2026, 9, 1),
        tone=event.tone,
        guests=event.guests,
        invitation=paragraph * 2 + "\n\n" + paragraph * 2,
        key_messages=["Local food", "Forty seats only", "Bring a friend"],
        programme=[
            Slot(time="18:00", title="Doors open", seats=40),
            Slot(time="19:00", title="Dinner", speaker="Ada", seats=40),
            Slot(time="21:30", title="Fire and music", speaker="Bo", seats=1200),
        ],
        chapters=[
            Chapter(
                heading="Before the event",
                text=paragraph * 2,
                sources=[HttpUrl("https://example.com/harvest")],
            ),
            Chapter(heading="After the event", text="Send thanks within two days."),
        ],
        budget=Budget(total=12500.5, currency="EUR", approved=True),
        website_url="https://example.com/dinner",
    )


class Word(BaseModel):
    word: str = "harvest"


@task("BREAK_DOWN", retries=0)
async def break_down(ctx: Context, payload: Word) -> str:
    """Fails, so that operators have something to inspect."""
    words: dict[str, str] = {}
    return words[payload.word]
