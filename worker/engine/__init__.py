"""Runs attempts: takes jobs from the queue, runs their steps, records their progress."""
