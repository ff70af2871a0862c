"""The embedded services keep their data, for one run at a time."""

from pathlib import Path

import redis
from pymongo import MongoClient

from tests.support.launcher import PRINT_ADDRESSES, one_line, read_until, started


def test_data_survives_a_restart(data_dir: Path) -> None:
    for round_number in range(2):
        with started(data_dir, {"show": PRINT_ADDRESSES}) as process:
            text = read_until(process, "all set")
            redis_url, mongo_url = text[text.index("redis://") :].split()[:2]
            with (
                redis.Redis.from_url(redis_url) as client,
                MongoClient[dict[str, object]](mongo_url) as mongo_client,
            ):
                tasks = mongo_client["herald"]["tasks"]
                if round_number == 0:
                    client.set("kept", "yes")
                    tasks.insert_one({"_id": 1})
                else:
                    assert client.get("kept") == b"yes"
                    assert tasks.count_documents({}) == 1


def test_a_second_run_cannot_use_the_same_data(data_dir: Path) -> None:
    with started(data_dir, {"show": PRINT_ADDRESSES}) as first:
        read_until(first, "all set")
        with started(data_dir, {"show": "true"}) as second:
            assert "another Herald is using the data" in one_line(second)
