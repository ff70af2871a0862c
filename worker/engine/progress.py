"""How much of a task is done, in percent, from its steps so far and those that are expected; pure data."""

from collections.abc import Callable, Mapping

from herald.worker.engine.step_rows import Row

UNKNOWN_AHEAD = 2
"""How many more steps are assumed to follow while nothing is known about a task type."""


def percent_done(
    rows: Mapping[str, Row], expected: Mapping[str, int], usual_s: Callable[[str], float | None]
) -> float:
    """The progress of a task, from 0 to 100.

    Args:
        rows: the steps so far, by name.
        expected: the names of the steps that are expected, in order, each with its usual number of calls;
            empty if nothing is known.
        usual_s: how long the steps of a name usually take together, in seconds; None if that is not known.
    """
    begun = [name for name, row in rows.items() if row.has_begun]
    if not expected:
        finished = sum(not rows[name].calls for name in begun)
        running = sum(rows[name].fraction() for name in begun if rows[name].calls)
        # A step that runs is among those assumed to follow.
        return 100 * (finished + running) / (finished + UNKNOWN_AHEAD)
    names = list(dict.fromkeys([*expected, *begun]))
    furthest = max((index for index, name in enumerate(names) if name in begun), default=-1)
    known = {name: seconds for name in names if (seconds := usual_s(name)) is not None}
    average = sum(known.values()) / len(known) if known else 1.0
    weights = {name: known.get(name, average) or 1e-3 for name in names}
    done = 0.0
    for index, name in enumerate(names):
        row = rows.get(name)
        if row is not None and (row.calls or index == furthest):
            done += weights[name] * row.fraction(expected.get(name, 1))
        elif index < furthest:  # finished, or left out by the task's code
            done += weights[name]
    return 100 * done / sum(weights.values())
