"""The queue: ARQ jobs in priority order, their leases, and estimates of when they start."""
