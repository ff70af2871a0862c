"""The task types endpoints: what a client may start, and what operators have to know about registrations."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from herald.server.dependencies import dependencies_of
from herald.server.http.problems import Problem
from herald.server.http.requests import principal_of
from herald.server.task_types import RegisteredType
from herald.shared.tasks.models import Model
from herald.shared.tasks.records import ListedType, RegistrationProblem


class TaskTypeList(Model):
    """The task types that you may start, by name."""

    task_types: list[ListedType]


class Registrations(Model):
    """All task types, and the problems of the last day: types that a worker could not announce."""

    task_types: list[ListedType]
    problems: list[RegistrationProblem]


def _listed(each: RegisteredType) -> ListedType:
    record = each.record.model_dump(include=set(ListedType.model_fields))
    return ListedType(**record, online=each.online, workers=each.workers)


async def index(request: Request) -> Response:
    """``GET /api/taskTypes``: the task types that the token may start."""
    principal = await principal_of(request)
    types = dependencies_of(request).task_types.startable_by(principal)
    return JSONResponse(TaskTypeList(task_types=list(map(_listed, types))).wire())


async def registrations(request: Request) -> Response:
    """``GET /api/ops/taskTypes``: all task types, and the problems with their registration."""
    if not (await principal_of(request)).is_operator:
        raise Problem(403, "Operators only: your token's `scope` does not include `operator`")
    dependencies = dependencies_of(request)
    found = Registrations(
        task_types=list(map(_listed, dependencies.task_types.all())),
        problems=await dependencies.store.task_types.problems(),
    )
    return JSONResponse(found.wire())


ROUTES: list[BaseRoute] = [
    Route("/api/taskTypes", index, methods=["GET"]),
    Route("/api/ops/taskTypes", registrations, methods=["GET"]),
]
