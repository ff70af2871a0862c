"""Steps that take equally long share their recorded durations."""

from herald.shared.queue.durations import kind_of


def test_steps_that_differ_only_in_numbers_are_of_the_same_kind() -> None:
    assert kind_of("Write week 12") == kind_of("Write week 3") == "Write week #"
