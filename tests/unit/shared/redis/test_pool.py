"""Redis URLs that name sentinels."""

import pytest

from herald.shared.redis.pool import sentinel_address


def test_a_sentinel_url_names_the_sentinels_the_service_and_the_login() -> None:
    address = sentinel_address("redis+sentinel://ada:p%40ss@one:1,two/mymaster/3")
    assert address is not None
    assert address.sentinels == [("one", 1), ("two", 26379)] and address.service == "mymaster"
    assert address.login == {"username": "ada", "password": "p@ss", "db": 3}


def test_a_plain_redis_url_has_no_sentinels() -> None:
    assert sentinel_address("redis://h:1/0") is None


def test_a_sentinel_url_without_a_service_is_rejected() -> None:
    with pytest.raises(ValueError, match="SERVICE"):
        sentinel_address("redis+sentinel://one:1")
