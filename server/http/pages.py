"""Serves the pages, their own files, and the libraries named in their import maps."""

import base64
import hashlib
import re
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

STATIC = Path(__file__).resolve().parents[2] / "static"
"""Next to the folder ``server``, both in the repository and in the installed package."""


class Files(StaticFiles):
    """Files that browsers revalidate before each use, so that a page never mixes two versions of Herald."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        """The file, or 304 if the browser has it."""
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "no-cache"
        return response


async def page(_: Request) -> Response:
    """``GET /``: the app, to start and watch tasks."""
    return _page("index.html")


async def ops(_: Request) -> Response:
    """``GET /ops``: the operators' page; it needs an operator's token to show data."""
    return _page("admin.html")


def _page(name: str) -> Response:
    """A page with a policy that allows only Herald's own scripts and the page's import map."""
    html = (STATIC / name).read_text()
    import_map = re.search(r'<script type="importmap">(.*?)</script>', html, re.DOTALL)
    assert import_map is not None  # noqa: S101  a file of this repository
    digest = base64.b64encode(hashlib.sha256(import_map[1].encode()).digest()).decode()
    return HTMLResponse(html, headers=headers(f"script-src 'self' 'sha256-{digest}'"))


def headers(scripts: str) -> dict[str, str]:
    """Headers of a page that loads only Herald's own files; ``scripts`` is the policy's ``script-src``."""
    policy = (
        f"default-src 'self'; {scripts}; img-src 'self' data:; "
        "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
    return {
        "Content-Security-Policy": policy,
        "Referrer-Policy": "same-origin",
        "Cache-Control": "no-cache",
    }


ROUTES: list[BaseRoute] = [
    Route("/", page, methods=["GET"]),
    Route("/ops", ops, methods=["GET"]),
    Mount("/vendor", Files(directory=STATIC / "vendor")),
    Mount("/static", Files(directory=STATIC)),
]
