"""A deliberate fault: a small change of the code that some test has to notice."""

from typing import NamedTuple


class Fault(NamedTuple):
    """One change of one file."""

    path: str
    """The file, from the project's root."""
    code: str
    """Text of the file; it has to be there exactly once."""
    changed: str
    """What takes its place."""
    tests: str
    """Arguments for pytest, or a ``tests/client/….test.js`` for Node: the tests that are expected to fail."""
    survives_because: str = ""
    """Why no test can notice it, where none can."""
