"""The hub: forwards the feed's events to the connected browsers."""
