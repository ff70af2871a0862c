"""The example application: the three task types that a worker runs unless ``HERALD_TASKS`` names others."""

from herald.worker.tasks.brand_kit.task import generate_brand_kit
from herald.worker.tasks.media_plan.task import generate_media_plan
from herald.worker.tasks.personas.task import generate_personas
from herald.worker.tasks.storage import Storage, stored_in

__all__ = ["generate_brand_kit", "generate_media_plan", "generate_personas"]

stored_in(generate_brand_kit, Storage(collection="brandKits", id_field="brandKitId"))
stored_in(generate_media_plan, Storage(collection="mediaPlanGroups", id_field="mediaPlanGroupId"))
stored_in(generate_personas, Storage(collection="personas", id_field="personaId", each="people"))
