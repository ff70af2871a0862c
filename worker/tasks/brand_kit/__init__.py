"""The task type `GENERATE_BRAND_KIT`."""

from herald.worker.tasks.brand_kit.generator import BrandKitGenerator

__all__ = ["BrandKitGenerator"]
