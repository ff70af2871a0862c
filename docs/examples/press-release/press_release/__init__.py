"""Writes press releases: an example of a project with its own Herald tasks."""
