"""A task type of a team of its own, as the tests of the client start it."""

from datetime import date

from pydantic import BaseModel

from herald import TaskType


class News(BaseModel):
    company: str
    headline: str
    on: date = date(2027, 1, 31)


class Release(BaseModel):
    paragraphs: list[str]
    on: date


WRITE_PRESS_RELEASE = TaskType.declare("WRITE_PRESS_RELEASE", News, Release)
