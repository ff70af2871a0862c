"""The ``herald`` command: runs Herald, and creates, follows and repairs tasks from a terminal."""

from herald.shared.cli.app import app
from herald.shared.cli.commands import operators, processes, tasks, tokens, types

__all__ = ["app", "operators", "processes", "tasks", "tokens", "types"]

if __name__ == "__main__":
    app(prog_name="python -m herald.shared.cli")
