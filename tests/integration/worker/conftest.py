"""A worker's dependencies with a model that follows a script."""

from tests.support.attempts import make_dependencies

__all__ = ["make_dependencies"]
