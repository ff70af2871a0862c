"""Reads the payload of a task as its task type declares it."""

import json
from typing import Any

from pydantic import BaseModel, ValidationError

from herald.shared.task_api.task_type import TaskType
from herald.shared.tasks.models import Task


class InvalidPayloadError(Exception):
    """The payload does not fit the task type; the message names the field."""


def payload_of(task: Task, task_type: TaskType[Any, Any, Any]) -> BaseModel:
    """The payload of a task.

    Raises:
        InvalidPayloadError: it does not fit the task type.
    """
    payload: type[BaseModel] = task_type.payload
    try:
        return payload.model_validate_json(json.dumps(task.payload), strict=True)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, fault["loc"]))
        raise InvalidPayloadError(f"{where}: {fault['msg']}" if where else fault["msg"]) from None
