"""The worker process: ARQ jobs that generate and publish every step."""
