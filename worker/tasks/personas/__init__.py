"""The task type `AUTO_GENERATE_PERSONAS`; its code starts in ``task.py``."""
