"""The task types that this worker runs: one module or package each, with its generator."""

import importlib
import inspect
import pkgutil
from collections.abc import Mapping
from typing import Any

from herald.worker.tasks.base import Generator


def _found() -> dict[str, Generator]:
    found: dict[str, Generator] = {}
    for file in pkgutil.iter_modules(__path__, f"{__name__}."):
        module = importlib.import_module(file.name)
        for _, kind in inspect.getmembers(module, inspect.isclass):
            is_own = kind.__module__ == module.__name__ or kind.__module__.startswith(f"{module.__name__}.")
            if is_own and isinstance(getattr(kind, "task_type", None), str):
                generator: Any = kind()
                if generator.task_type in found:
                    raise TypeError(f"two generators for {generator.task_type}")
                found[generator.task_type] = generator
    return found


GENERATORS: Mapping[str, Generator] = _found()
