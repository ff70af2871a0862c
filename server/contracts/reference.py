"""``/docs``: the two contracts as one page for people; no script, and nothing from elsewhere."""

import json
from collections.abc import Iterable, Sequence
from functools import lru_cache
from html import escape
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from herald.server.contracts import asyncapi, openapi
from herald.server.http.pages import headers


@lru_cache(maxsize=1)
def page() -> str:
    """The page."""
    http, events = openapi.document(), asyncapi.document()
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
    <title>Herald: reference</title>
    <link rel="icon" href="/static/ui/icon.svg" type="image/svg+xml">
    <link rel="stylesheet" href="/static/ui/base.css">
    <link rel="stylesheet" href="/static/ui/reference.css">
  </head>
  <body>
    <main class="reference">
      <h1>Herald: reference</h1>
      <p>Made from <a href="/openapi.json">/openapi.json</a> and
        <a href="/asyncapi.json">/asyncapi.json</a>.</p>
      <h2>Requests</h2>
      {"".join(operations)}
      <h2>What is pushed</h2>
      <p>{escape(events["info"]["description"])}</p>
      {"".join(_channel(channel, events) for channel in events["channels"].values())}
      <h2>Shapes</h2>
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
        (status, _prose(response["description"]), _shapes(response))
        for status, response in operation["responses"].items()
    ]
    token = "" if operation["security"] else "<p>Without a token.</p>"
    return f"""<section id="{operation["operationId"]}">
      <h3><code>{method.upper()} {escape(path)}</code></h3>
      <p>{_prose(operation["summary"])}</p>{token}
      {f"<p>Body: {_shape(body)}</p>" if body else ""}
      {_table(("Parameter", "In", ""), parameters)}
      {_table(("Answer", "", "Shape"), responses)}
    </section>"""


def _channel(channel: dict[str, Any], events: dict[str, Any]) -> str:
    messages = [events["components"]["messages"][name] for name in channel["messages"]]
    rows = [(escape(one["title"]), _prose(one["summary"]), _shape(one["payload"])) for one in messages]
    return f"""<section>
      <h3><code>{escape(channel["address"])}</code></h3>
      <p>{_prose(channel["description"])}</p>
      {_table(("Message", "", "Shape"), rows)}
    </section>"""


def _schema(name: str, schema: dict[str, Any]) -> str:
    return f"""<details id="shape-{name}">
      <summary><code>{name}</code> {escape(schema.get("description", ""))}</summary>
      <pre tabindex="0">{escape(json.dumps(schema, indent=2))}</pre>
    </details>"""


def _shapes(response: dict[str, Any]) -> str:
    return ", ".join(_shape(content["schema"]) for content in response.get("content", {}).values())


def _shape(schema: dict[str, Any]) -> str:
    """A link to each shape that a schema names."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f'<a href="#shape-{name}">{name}</a>'
    inner = [schema.get("items"), *schema.get("anyOf", ()), *schema.get("properties", {}).values()]
    return " or ".join(filter(None, (_shape(each) for each in inner if each)))


def _prose(text: str) -> str:
    """A text in which `names` stand between backquotes."""
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if number % 2 else part for number, part in enumerate(parts))


def _table(head: Iterable[str], rows: Sequence[tuple[str, ...]]) -> str:
    if not rows:
        return ""
    titles = "".join(f'<th scope="col">{title}</th>' if title else "<td></td>" for title in head)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table>"


async def docs(_: Request) -> Response:
    """``GET /docs``."""
    return HTMLResponse(page(), headers=headers("script-src 'none'"))


ROUTES: list[BaseRoute] = [Route("/docs", docs, methods=["GET"])]
