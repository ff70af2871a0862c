"""Task types that are registered in the tests' databases, without a worker that runs them."""

from typing import Any

from pydantic import BaseModel
from pymongo import MongoClient

from herald.shared.settings import Settings
from herald.shared.task_api.record import record_of
from herald.shared.task_api.task_type import TaskOptions, TaskType
from herald.shared.tasks.models import now
from herald.shared.tasks.records import TaskTypeRecord
from herald.shared.tasks.store import Store
from herald.shared.tasks.task_type_store import document_of
from herald.worker import tasks

APP = "herald"


def a_type(
    name: str, payload: type[BaseModel], *, result: Any = dict[str, Any], **options: Any
) -> TaskType[Any, Any, Any]:
    """A task type without code."""
    return TaskType(name, payload, result, None, TaskOptions(**options))


MEDIA_PLAN, BRAND_KIT, PERSONAS = (
    tasks.generate_media_plan,
    tasks.generate_brand_kit,
    tasks.generate_personas,
)
BUILT_IN: list[TaskType[Any, Any, Any]] = [MEDIA_PLAN, BRAND_KIT, PERSONAS]
NAMES = {each.name for each in BUILT_IN}


def insert(settings: Settings, *types: TaskType[Any, Any, Any]) -> None:
    """Register types in a new database."""
    with MongoClient[dict[str, Any]](settings.mongo_url) as client:
        database = client[settings.database]
        database["taskTypes"].insert_many([document_of(record_of(each, APP)) for each in types])
        owners = [{"_id": each.name, "app": APP, "seenAt": now()} for each in types]
        database["taskTypeOwners"].insert_many(owners)


def remove_all(settings: Settings) -> None:
    """Leave the registry empty, as before the first worker of an installation has started."""
    with MongoClient[dict[str, Any]](settings.mongo_url) as client:
        for collection in ("taskTypes", "taskTypeOwners"):
            client[settings.database][collection].delete_many({})


async def announce(store: Store, *types: TaskType[Any, Any, Any], app: str = "shop") -> list[TaskTypeRecord]:
    """Announce types as a worker of an application does."""
    return [await store.task_types.announce(record_of(each, app)) for each in types]
