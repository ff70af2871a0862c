"""The task type `GENERATE_MEDIA_PLAN`; its code starts in ``task.py``."""
