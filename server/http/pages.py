"""Serves the pages, their own files, and the library files named in their import maps."""

import base64
import hashlib
import re
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from herald.server.http.problems import Problem

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "static"
VENDOR = {
    "centrifuge.mjs": "centrifuge/build/index.mjs",
    "preact.mjs": "preact/dist/preact.mjs",
    "compat.mjs": "preact/compat/dist/compat.mjs",
    "hooks.mjs": "preact/hooks/dist/hooks.mjs",
    "htm.mjs": "htm/dist/htm.mjs",
}
"""Library files below ``/vendor/``, and their paths in node_modules."""


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


async def vendor(request: Request) -> Response:
    """``GET /vendor/{name}``: a library file for the browser."""
    path = VENDOR.get(request.path_params["name"])
    if path is None:
        raise Problem(404, "File not found")
    file = ROOT / "node_modules" / path
    if not file.is_file():
        raise Problem(503, "The browser libraries are not installed; run `make setup`")
    return FileResponse(file, media_type="text/javascript", headers={"Cache-Control": "no-cache"})


ROUTES: list[BaseRoute] = [
    Route("/", page, methods=["GET"]),
    Route("/ops", ops, methods=["GET"]),
    Route("/vendor/{name}", vendor, methods=["GET"]),
    Mount("/static", StaticFiles(directory=STATIC)),
]
