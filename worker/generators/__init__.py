"""The generators, one a task type, registered by name."""

from collections.abc import Mapping

from worker.generators.base import Generator
from worker.generators.brand_kit import BrandKitGenerator
from worker.generators.media_plan import MediaPlanGenerator
from worker.generators.personas import PersonasGenerator

GENERATORS: Mapping[str, Generator] = {
    "GENERATE_MEDIA_PLAN": MediaPlanGenerator(),
    "GENERATE_BRAND_KIT": BrandKitGenerator(),
    "AUTO_GENERATE_PERSONAS": PersonasGenerator(),
}
