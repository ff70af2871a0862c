"""Tasks: their models, events and channels, and the store that keeps them in MongoDB."""
