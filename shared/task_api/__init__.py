"""The API for writing tasks: what a team's own code imports from ``herald``."""
