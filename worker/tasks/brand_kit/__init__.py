"""The task type `GENERATE_BRAND_KIT`; its code starts in ``task.py``."""
