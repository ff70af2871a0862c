"""The operators' overview, and its live channel."""
