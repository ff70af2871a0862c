"""Scripts are loaded into Redis when it does not know them."""

from pathlib import Path

from herald.shared.feed.feed import Feed
from herald.shared.redis.scripts import Script


async def test_a_script_that_redis_has_forgotten_is_sent_again(feed: Feed, tmp_path: Path) -> None:
    file = tmp_path / "append.lua"
    file.write_text("return redis.call('RPUSH', KEYS[1], ARGV[1])")
    script = Script(file)
    assert await script.run_each(feed.redis, [(["list"], ["a"]), (["list"], ["b"])]) == [1, 2]
    await feed.redis.script_flush()
    assert await script.run(feed.redis, ["list"], ["c"]) == 3
