"""The generators of all task types; each module or package in this folder provides one."""

import importlib
import inspect
import pkgutil
from collections.abc import Mapping
from typing import Any

from herald.worker.tasks.base import Generator


def _load() -> dict[str, Generator]:
    """Import every module here and create the classes that it defines with a ``task_type``.

    Raises:
        TypeError: two classes claim the same task type.
    """
    generators: dict[str, Generator] = {}
    for info in pkgutil.iter_modules(__path__, f"{__name__}."):
        module = importlib.import_module(info.name)
        for _, cls in inspect.getmembers(module, inspect.isclass):
            # A package re-exports its generator; a class imported from elsewhere does not count.
            defined_here = f"{cls.__module__}.".startswith(f"{module.__name__}.")
            if defined_here and isinstance(getattr(cls, "task_type", None), str):
                generator: Any = cls()
                if generator.task_type in generators:
                    raise TypeError(f"two generators for {generator.task_type}")
                generators[generator.task_type] = generator
    return generators


GENERATORS: Mapping[str, Generator] = _load()
