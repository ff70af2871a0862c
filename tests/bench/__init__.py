"""Benchmarks: ``make bench`` measures Herald and comparable servers in the same run."""
