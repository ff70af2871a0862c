"""The faults, by the part of Herald that they are in."""
