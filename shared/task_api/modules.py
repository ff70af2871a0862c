"""Finds and imports the modules that contain task types, with errors that say what to do."""

import importlib
import sys
import traceback
from collections.abc import Iterable
from importlib.machinery import PathFinder
from pathlib import Path


class TaskModuleError(Exception):
    """A module of task types cannot be used; the message says why and what to do."""


def require_modules(names: Iterable[str]) -> None:
    """Check that these modules exist, without importing them.

    Raises:
        TaskModuleError: one of them does not exist.
    """
    for name in names:
        path = [str(Path.cwd()), *sys.path]
        for end, part in enumerate(name.split("."), start=1):
            full_name = ".".join(name.split(".")[:end])
            spec = PathFinder.find_spec(full_name, path) if part else None
            if spec is None:
                raise _not_found(name)
            path = list(spec.submodule_search_locations or ())


def import_modules(names: Iterable[str]) -> None:
    """Import these modules; the current directory counts as a place to find them.

    Raises:
        TaskModuleError: one of them does not exist or raises an error, which the message shows.
    """
    if not {"", str(Path.cwd())}.intersection(sys.path):
        sys.path.insert(0, str(Path.cwd()))
    for name in names:
        try:
            importlib.import_module(name)
        except Exception as error:
            missing = error.name if isinstance(error, ModuleNotFoundError) else None
            if missing is not None and f"{name}.".startswith(f"{missing}."):
                raise _not_found(name) from None
            raise TaskModuleError(f"can't import {name}:\n\n{_own_traceback(error)}") from error


def _not_found(name: str) -> TaskModuleError:
    return TaskModuleError(
        f"there is no module {name!r} in {Path.cwd()} or among the installed packages.\n"
        "Check the name, such as shop.tasks for shop/tasks.py, and run this in the folder that contains it."
    )


def _own_traceback(error: Exception) -> str:
    """The traceback of an import without the frames of the import system itself."""
    report = traceback.TracebackException.from_exception(error)
    own = [
        number
        for number, frame in enumerate(report.stack)
        if frame.filename not in {__file__, importlib.__file__} and not frame.filename.startswith("<frozen")
    ]
    report.stack = traceback.StackSummary.from_list(report.stack[own[0] :] if own else [])
    return "".join(report.format()).rstrip()
