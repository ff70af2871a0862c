"""The queue: jobs in order of priority, workers' leases on them, and estimates of when they start."""
