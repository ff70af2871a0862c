"""The base of the models here: snake_case in Python, camelCase on the wire."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, StringConstraints
from pydantic.alias_generators import to_camel

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Paragraph = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]


class Model(BaseModel):
    """A model with snake_case fields in Python and camelCase ones on the wire."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, use_attribute_docstrings=True)

    def wire(self) -> dict[str, Any]:
        """The model as JSON values, without empty fields."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class Payload(Model):
    """The input of a task. Unknown fields are rejected; forms show titles such as "Posts per week"."""

    model_config = ConfigDict(
        extra="forbid", field_title_generator=lambda name, _: name.replace("_", " ").capitalize()
    )
