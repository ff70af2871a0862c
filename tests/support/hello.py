"""A module of task types, as a team writes one in its own repository."""

from pydantic import BaseModel

from herald import Context, task


class Name(BaseModel):
    name: str


@task("HELLO", title="Hello {name}")
async def hello(ctx: Context, payload: Name) -> str:
    """Greets somebody."""
    return f"Hello {payload.name}"
