"""The token endpoints."""

import httpx2

from herald.server.app import create_app
from herald.shared.settings import Settings
from tests.support.client import PERSONAS, Herald
from tests.support.problems import problem
from tests.support.web import serving


async def test_demo_tokens_are_issued_in_development_only(herald: Herald, settings: Settings) -> None:
    body = (await herald.http.post("/api/token", json={"userId": "zoe", "brands": ["acme"]})).json()
    assert body["userId"] == "zoe" and body["expiresIn"] == settings.token_ttl_s
    headers = {"Authorization": f"Bearer {body['token']}"}
    task = await herald.http.post("/api/jobs", json=PERSONAS | {"brandId": "acme"}, headers=headers)
    assert task.json()["userId"] == "zoe"
    problem(await herald.http.post("/api/token", json={"userId": ""}), 422)
    production = settings.model_copy(update={"env": "production"})
    async with serving(create_app(production)) as address, httpx2.AsyncClient() as http:
        problem(await http.post(f"http://{address}/api/token", json={"userId": "zoe"}), 404)
