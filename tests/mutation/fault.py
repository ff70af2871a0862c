"""A deliberate fault: a small change to the code that a test must notice."""

from typing import NamedTuple


class Fault(NamedTuple):
    """One change to one file."""

    path: str
    """Path of the file, relative to the root of the repository."""
    code: str
    """The original code; it must occur exactly once in the file."""
    changed: str
    """The faulty code that replaces it."""
    tests: str
    """The tests that should fail: arguments for pytest, or a ``tests/client/….test.js`` for Node."""
    survives_because: str = ""
    """Why no test can notice the fault; empty if one can."""
