"""The operators' side: the overview, its live channel, and `/metrics`."""
