"""The limit of events per second."""

from herald.server.hub.rate_limit import RateLimit


def test_at_most_one_second_of_unused_events_is_saved_up() -> None:
    now = 0.0
    rate = RateLimit(10, lambda: now)
    assert rate.allows(10)
    now += 0.5
    assert rate.allows(5)
    now += 3600
    assert rate.allows(10)
    assert not rate.allows(1)
