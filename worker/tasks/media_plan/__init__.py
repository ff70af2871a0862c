"""The task type `GENERATE_MEDIA_PLAN`."""

from herald.worker.tasks.media_plan.generator import MediaPlanGenerator

__all__ = ["MediaPlanGenerator"]
