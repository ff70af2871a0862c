"""What a press release is made from, and what it consists of."""

from pydantic import BaseModel, Field


class News(BaseModel):
    """The news to announce."""

    company: str = Field(min_length=1, max_length=100, examples=["Ada Bicycles"])
    headline: str = Field(min_length=1, max_length=200, examples=["A bell that can be heard in traffic"])
    facts: list[str] = Field(min_length=1, max_length=6, description="One fact per paragraph.")


class Release(BaseModel):
    """A press release."""

    headline: str
    paragraphs: list[str]
    contact: str
