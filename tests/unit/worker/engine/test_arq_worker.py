"""The internals of ARQ's worker that ours relies on."""

import ast
import importlib.metadata
import inspect

import arq.worker
import pytest
from arq import func
from arq.connections import ArqRedis
from arq.jobs import deserialize_job_raw
from redis.asyncio import ConnectionPool

from herald.shared.queue.jobs import JOB_NAME, deserialize, job_body, serialize
from herald.worker.engine import arq_worker
from tests.support.tasks import a_task

HELP = (
    f"ARQ {importlib.metadata.version('arq')} is not what herald.worker.engine.arq_worker was written for: "
)
OVERRIDDEN = ("main", "_poll_iteration", "handle_sig", "close")


async def job(ctx: object) -> None:
    """Never runs."""


@pytest.fixture
async def worker() -> arq_worker.Worker:
    pool = ConnectionPool.from_url("redis://127.0.0.1:1")  # never opened
    return arq_worker.Worker([func(job, name=JOB_NAME)], redis_pool=ArqRedis(pool), handle_signals=False)


async def test_the_command_line_of_arq_starts_our_worker(worker: arq_worker.Worker) -> None:
    assert arq.worker.Worker is arq_worker.Worker, HELP + "its Worker is not replaced"
    settings = {"functions": [func(job)], "redis_pool": worker.pool, "handle_signals": False}
    created = arq.worker.create_worker(settings)
    assert type(created) is arq_worker.Worker, HELP + "create_worker does not use the name arq.worker.Worker"


@pytest.mark.parametrize("name", OVERRIDDEN)
def test_the_methods_that_we_override_exist_with_the_same_parameters(name: str) -> None:
    [arqs] = arq_worker.Worker.__bases__
    theirs, ours = getattr(arqs, name, None), getattr(arq_worker.Worker, name)
    assert theirs is not None, HELP + f"it has no method {name}"
    parameters = [list(inspect.signature(method).parameters) for method in (theirs, ours)]
    assert parameters[0] == parameters[1], HELP + f"{name} takes {parameters[0]}"


async def test_everything_that_we_use_of_arq_s_worker_exists(worker: arq_worker.Worker) -> None:
    tree = ast.parse(inspect.getsource(arq_worker))
    [ours] = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Worker"]
    nodes = [
        node
        for node in ast.walk(ours)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self"
    ]
    assigned = {node.attr for node in nodes if isinstance(node.ctx, ast.Store)}
    used = {node.attr for node in nodes} - vars(arq_worker.Worker).keys()
    inherited = used - {name for name in assigned if not hasattr(worker, name)}
    assert {"tasks", "ctx", "run_job", "record_health", "allow_pick_jobs", "main_task"} <= inherited
    for name in sorted(inherited):
        assert hasattr(worker, name), HELP + f"it has no attribute {name}"
    assert list(inspect.signature(worker.run_job).parameters) == ["job_id", "score"], HELP + "run_job changed"


def test_arq_reads_the_jobs_that_we_write() -> None:
    task = a_task()
    name, arguments, keywords, *_ = deserialize_job_raw(job_body(task).encode(), deserializer=deserialize)
    assert (name, list(arguments), keywords) == (JOB_NAME, [task.task_id], {}), HELP + "jobs have a new form"
    assert deserialize(serialize({"a": 1})) == {"a": 1}
