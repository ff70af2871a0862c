"""The task type `AUTO_GENERATE_PERSONAS`."""

from herald.worker.tasks.personas.generator import PersonasGenerator

__all__ = ["PersonasGenerator"]
