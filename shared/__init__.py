"""What the server and the worker share: tasks, the feed, the queue."""
