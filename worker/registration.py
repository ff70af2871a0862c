"""Loads the task types of this worker from its modules, and announces them."""

import logging
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from types import ModuleType
from typing import Any, NamedTuple

from herald.shared.task_api.errors import MisuseError
from herald.shared.task_api.modules import import_modules
from herald.shared.task_api.record import record_of
from herald.shared.task_api.task_type import TaskType
from herald.shared.tasks.models import now
from herald.shared.tasks.records import RegistrationProblem, TaskTypeRecord
from herald.shared.tasks.store import Store
from herald.shared.tasks.task_type_store import TypeCollisionError
from herald.worker.loaded import LoadedType

log = logging.getLogger(__name__)

KEEP_EVERY_S = 600.0
"""How often a worker records that it is online, so that its types stay its application's own."""


class Found(NamedTuple):
    """A task type that a module binds."""

    type: TaskType[Any, Any, Any]
    module: ModuleType

    @property
    def home(self) -> ModuleType:
        """The module whose ``lifespan()`` is the type's: its function's, or else the one that binds it."""
        own = sys.modules.get(str(getattr(self.type.run, "__module__", None)))
        return own if own is not None and hasattr(own, "lifespan") else self.module

    @property
    def app(self) -> str:
        """The application that the type belongs to: the top-level package of its function."""
        return str(getattr(self.type.run, "__module__", self.module.__name__)).partition(".")[0]


def task_types_of(modules: Iterable[ModuleType]) -> list[Found]:
    """The task types that are bound to names in these modules, each once.

    Types that were only declared are left out: their code runs elsewhere.
    """
    found: dict[int, Found] = {}
    for module in modules:
        for value in vars(module).values():
            if isinstance(value, TaskType) and value.run is not None:
                found.setdefault(id(value), Found(value, module))
    return list(found.values())


@asynccontextmanager
async def open_task_types(module_names: Iterable[str], store: Store) -> AsyncIterator[dict[str, LoadedType]]:
    """Load and announce the task types of these modules, and keep their ``lifespan()`` open during the block.

    A type that cannot be announced is left out. The reason is logged, and stored for the operators.

    Raises:
        TaskModuleError: a module does not exist, or cannot be imported.
        MisuseError: its ``lifespan`` is not an async context manager.
        pymongo.errors.PyMongoError: MongoDB cannot be reached.
    """
    names = list(module_names)
    import_modules(names)
    found = task_types_of([sys.modules[name] for name in names])
    digests = await announce(found, store)
    async with AsyncExitStack() as stack:
        states: dict[str, Any] = {}
        for module in {each.home.__name__: each.home for each in found}.values():
            states[module.__name__] = await _enter_lifespan(module, stack)
        loaded = {
            each.type.name: LoadedType(each.type, digests[id(each.type)], states[each.home.__name__])
            for each in found
            if id(each.type) in digests
        }
        if not loaded:
            log.warning("this worker has no task types, so it will run no tasks; see HERALD_TASKS")
        yield loaded


async def announce(found: Iterable[Found], store: Store) -> dict[int, str]:
    """Announce task types; returns the digests of those that are announced, by the ``id()`` of the type.

    Raises:
        pymongo.errors.PyMongoError: MongoDB cannot be reached.
    """
    digests: dict[int, str] = {}
    names: dict[str, Found] = {}
    for each in found:
        try:
            first = names.setdefault(each.type.name, each)
            if first is not each:
                raise MisuseError(
                    f"{each.module.__name__} and {first.module.__name__} both have a task type "
                    f"{each.type.name}; rename one. The worker runs the one in {first.module.__name__}"
                )
            record = await store.task_types.announce(_record(each))
        except (MisuseError, TypeCollisionError) as error:
            log.error("cannot register task type %s: %s", each.type.name, error)  # noqa: TRY400  no bug of ours
            problem = RegistrationProblem(type=each.type.name, app=each.app, message=str(error), at=now())
            await store.task_types.report(problem)
        else:
            digests[id(each.type)] = record.digest
    return digests


def _record(found: Found) -> TaskTypeRecord:
    """The record of a task type.

    Raises:
        MisuseError: it cannot be made. Pydantic may raise anything while it makes a schema.
    """
    try:
        return record_of(found.type, found.app)
    except MisuseError:
        raise
    except Exception as error:
        raise MisuseError(f"its schemas cannot be made: {type(error).__name__}: {error}") from error


async def _enter_lifespan(module: ModuleType, stack: AsyncExitStack) -> Any:
    lifespan = getattr(module, "lifespan", None)
    if lifespan is None:
        return None
    manager = lifespan()
    if not isinstance(manager, AbstractAsyncContextManager):
        raise MisuseError(
            f"{module.__name__}.lifespan() must return an async context manager; "
            "decorate it with contextlib.asynccontextmanager"
        )
    return await stack.enter_async_context(manager)
