"""The feed: publishes events to channels through Redis, and follows them without loss."""
