"""What a worker announces about a task type."""

from datetime import UTC, date, datetime
from typing import Annotated, Any

import pytest
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, StringConstraints, WithJsonSchema

from herald.shared.task_api.errors import MisuseError
from herald.shared.task_api.record import record_of
from herald.shared.tasks.records import Storage
from tests.support.registered import a_type

DAY = date(2027, 1, 31)


class News(BaseModel):
    head_line: Annotated[str, StringConstraints(strip_whitespace=True)] = Field(alias="headline")
    company: str = Field(validation_alias=AliasChoices("firm", "company"))
    day: date | None = Field(None, le=DAY, gt=date(2020, 1, 1))
    at: datetime = Field(datetime(2027, 1, 1, tzinfo=UTC), ge=datetime(2026, 1, 1, tzinfo=UTC))


class Stripped(BaseModel):
    model_config = ConfigDict(str_strip_whitespace=True)

    plain: str
    exact: Annotated[str, StringConstraints(strip_whitespace=False)]


def schema_of(payload: type[BaseModel]) -> Any:
    return record_of(a_type("NEWS", payload), "shop").payload_schema["properties"]


def test_payload_fields_have_their_names_on_the_wire() -> None:
    assert list(schema_of(News)) == ["headline", "firm", "day", "at"]


def test_strings_that_pydantic_strips_are_marked() -> None:
    assert schema_of(News)["headline"]["x-strip"] is True
    assert "x-strip" not in schema_of(News)["firm"]
    assert "x-strip" in schema_of(Stripped)["plain"] and "x-strip" not in schema_of(Stripped)["exact"]


def test_limits_of_dates_are_announced() -> None:
    day = schema_of(News)["day"]["anyOf"][0]
    assert (day["formatMaximum"], day["formatExclusiveMinimum"]) == ("2027-01-31", "2020-01-01")
    assert schema_of(News)["at"]["formatMinimum"] == "2026-01-01T00:00:00+00:00"


def test_a_title_uses_the_names_on_the_wire() -> None:
    record = record_of(a_type("NEWS", News, title="{{{head_line}}} by {company!r:>9}"), "shop")
    assert record.title == "{{{headline}}} by {firm}"


def test_results_are_described_as_they_are_written() -> None:
    assert record_of(a_type("NEWS", News, result=list[str]), "shop").result_schema == {
        "items": {"type": "string"},
        "type": "array",
    }


def test_a_digest_covers_everything_but_the_application_and_the_time() -> None:
    first = record_of(a_type("NEWS", News), "shop")
    assert first.digest == record_of(a_type("NEWS", News), "store").digest
    changed: list[Any] = [
        a_type("NEWS", Stripped),
        a_type("NEWS", News, result=int),
        a_type("NEWS", News, version=1),
        a_type("NEWS", News, retries=0),
        a_type("NEWS", News, steps=("Write",)),
        a_type("NEWS", News, title="{company}"),
    ]
    stored = a_type("NEWS", News)
    stored.storage = Storage(collection="news", id_field="newsId")
    digests = {record_of(each, "shop").digest for each in (*changed, stored)}
    assert len(digests) == 7 and first.digest not in digests


def test_a_schema_that_refers_to_another_document_is_refused() -> None:
    class Remote(BaseModel):
        x: Annotated[int, WithJsonSchema({"$ref": "https://example.com/x.json"})]

    with pytest.raises(MisuseError, match=r"refers to 'https://example.com/x.json'"):
        record_of(a_type("NEWS", Remote), "shop")


def test_a_payload_or_result_without_a_schema_is_refused() -> None:
    class Opaque:
        pass

    class Odd(BaseModel):
        model_config = ConfigDict(arbitrary_types_allowed=True)

        x: Opaque

    with pytest.raises(MisuseError, match="NEWS: its payload has no JSON Schema"):
        record_of(a_type("NEWS", Odd), "shop")
    with pytest.raises(MisuseError, match="NEWS: its result has no JSON Schema"):
        record_of(a_type("NEWS", News, result=Opaque), "shop")
