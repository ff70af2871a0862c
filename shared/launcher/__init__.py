"""Runs Herald on one machine: supervised processes and embedded services."""
