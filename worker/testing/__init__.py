"""Runs tasks in tests, without any service; ``herald.testing`` is its public face."""
