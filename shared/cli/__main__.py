"""The ``herald`` command: create, follow and repair tasks of a running Herald from a terminal."""

from herald.shared.cli.app import app
from herald.shared.cli.commands import operators, tasks, tokens, types

__all__ = ["app", "operators", "tasks", "tokens", "types"]

if __name__ == "__main__":
    app(prog_name="python -m herald.shared.cli")
