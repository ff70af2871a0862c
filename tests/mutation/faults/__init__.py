"""The deliberate faults, one module per part of Herald."""
