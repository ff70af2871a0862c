"""The pages, their files and their content security policy."""

from tests.support.client import Herald


async def test_the_page_allows_only_own_scripts(herald: Herald) -> None:
    page = await herald.http.get("/")
    assert page.status_code == 200 and page.headers["content-type"].startswith("text/html")
    policy = page.headers["content-security-policy"]
    assert "unsafe" not in policy and "script-src 'self' 'sha256-" in policy
    for name in ("centrifuge", "preact", "hooks", "htm"):
        library = await herald.http.get(f"/vendor/{name}.mjs")
        assert library.status_code == 200 and library.headers["content-type"].startswith("text/javascript")
        assert library.headers["cache-control"] == "no-cache"
        again = await herald.http.get(
            f"/vendor/{name}.mjs", headers={"If-None-Match": library.headers["etag"]}
        )
        assert (again.status_code, again.headers["cache-control"]) == (304, "no-cache")
    for path in (
        "/vendor/other.mjs",
        "/vendor/..%2f..%2fpackage.json",
        "/static/../pyproject.toml",
        "/static/none.js",
    ):
        assert (await herald.http.get(path)).status_code == 404
