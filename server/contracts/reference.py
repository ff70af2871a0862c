"""``/docs``: the API reference, rendered from both contracts without scripts or external files."""

import json
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from herald.server.contracts import asyncapi, openapi
from herald.server.contracts.registered import Types, kept, startable_types
from herald.server.http.pages import headers


@kept
def page(types: Types) -> str:
    """The page's HTML."""
    http, events = openapi.document(types), asyncapi.document()
    schemas = {**http["components"]["schemas"], **events["components"]["schemas"]}
    operations = [
        _operation(method, path, operation)
        for path, methods in http["paths"].items()
        for method, operation in methods.items()
    ]
    return f"""<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Herald API reference</title>
    <link rel="icon" href="/static/ui/icon.svg" type="image/svg+xml">
    <link rel="stylesheet" href="/static/ui/base.css">
    <link rel="stylesheet" href="/static/ui/reference.css">
  </head>
  <body>
    <main class="reference">
      <h1>Herald API reference</h1>
      <p>For tools: <a href="/openapi.json">/openapi.json</a>, <a href="/asyncapi.json">/asyncapi.json</a>
        and <a href="/schemas">/schemas</a>.</p>
      <h2>HTTP API</h2>
      <p>{_prose(http["info"]["description"])}</p>
      {"".join(operations)}
      <h2>Live events</h2>
      <p>{_prose(events["info"]["description"])}</p>
      {"".join(_channel(channel, events) for channel in events["channels"].values())}
      <h2>Schemas</h2>
      {"".join(_schema(name, schema) for name, schema in sorted(schemas.items()))}
    </main>
  </body>
</html>
"""


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    parameters = [
        (
            escape(one["name"]) + (" (required)" if one["required"] else ""),
            one["in"],
            _prose(one["description"]),
        )
        for one in operation["parameters"]
    ]
    responses = [
        (status, _prose(response["description"]), _response_links(response))
        for status, response in operation["responses"].items()
    ]
    public = "" if operation["security"] else "<p>No user token required.</p>"
    return f"""<section id="{operation["operationId"]}">
      <h3><code>{method.upper()} {escape(path)}</code></h3>
      <p><strong>{_prose(operation["summary"])}.</strong> {_prose(operation["description"])}</p>{public}
      {f"<p>Body: {_links(body)}</p>" if body else ""}
      {_table(("Parameter", "In", "Description"), parameters)}
      {_table(("Status", "Response", "Schema"), responses)}
    </section>"""


def _channel(channel: dict[str, Any], events: dict[str, Any]) -> str:
    messages = [events["components"]["messages"][name] for name in channel["messages"]]
    rows = [(escape(one["title"]), _prose(one["summary"]), _links(one["payload"])) for one in messages]
    return f"""<section>
      <h3><code>{escape(channel["address"])}</code></h3>
      <p>{_prose(channel["description"])}</p>
      {_table(("Message", "Description", "Schema"), rows)}
    </section>"""


def _schema(name: str, schema: dict[str, Any]) -> str:
    return f"""<details id="schema-{name}">
      <summary><code>{name}</code> {_prose(schema.get("description", ""))}</summary>
      <pre tabindex="0">{escape(json.dumps(schema, indent=2))}</pre>
    </details>"""


def _response_links(response: dict[str, Any]) -> str:
    return ", ".join(_links(content["schema"]) for content in response.get("content", {}).values())


def _links(schema: dict[str, Any]) -> str:
    """Links to the schemas that a schema refers to."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f'<a href="#schema-{name}">{name}</a>'
    inner = [schema.get("items"), *schema.get("anyOf", ()), *schema.get("properties", {}).values()]
    return " or ".join(filter(None, (_links(each) for each in inner if each)))


def _prose(text: str) -> str:
    """Text with `code` in backquotes, as HTML."""
    parts = escape(text).replace("``", "`").split("`")
    return "".join(f"<code>{part}</code>" if number % 2 else part for number, part in enumerate(parts))


def _table(head: Iterable[str], rows: Sequence[tuple[str, ...]]) -> str:
    if not rows:
        return ""
    titles = "".join(f'<th scope="col">{title}</th>' for title in head)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table>"


async def docs(request: Request) -> Response:
    """``GET /docs``."""
    return HTMLResponse(page(await startable_types(request)), headers=headers("script-src 'none'"))


ROUTES: list[BaseRoute] = [Route("/docs", docs, methods=["GET"])]
