"""What the server and the worker both know: models, events, the store, the feed, the queue."""
