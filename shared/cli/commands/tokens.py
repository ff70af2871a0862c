"""The command that issues tokens."""

from typing import Annotated

import typer

from herald.shared import settings as settings_module
from herald.shared.cli.app import DEFAULT_TTL_S, app
from herald.shared.tokens import TokenIssuer


@app.command()
def token(
    user: Annotated[str, typer.Argument(help="The user's id (`sub`).")],
    brand: Annotated[
        list[str] | None, typer.Option(help="A brand to grant access to. Repeat for more.")
    ] = None,
    *,
    operator: Annotated[bool, typer.Option("--operator", help="Grant operator scope.")] = False,
    service: Annotated[
        bool, typer.Option("--service", help="Grant service scope, to act for any user.")
    ] = False,
    ttl: Annotated[int, typer.Option(min=1, help="Lifetime in seconds.")] = DEFAULT_TTL_S,
) -> None:
    """Issue a token, signed with HERALD_AUTH_SECRET."""
    scopes = [name for name, granted in (("operator", operator), ("service", service)) if granted]
    issuer = TokenIssuer(settings_module.load())
    typer.echo(issuer.issue(user, brand or [], ttl, scope=" ".join(scopes)))
