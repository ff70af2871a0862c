"""Runs programs and, where no URL is set, the embedded services, until a signal stops them."""

import json
import socket
import tempfile
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from subprocess import PIPE
from typing import NamedTuple

from herald.shared import settings as settings_module
from herald.shared.launcher.embedded import STOP_TIMEOUT_S, data_dir_lock, servers_for
from herald.shared.launcher.processes import StartError, Watcher, start
from herald.shared.launcher.supervisor import ChildProcess, Output, StopSignals, Supervisor
from herald.shared.settings import Settings

STARTED_AFTER_S = 10
"""A program whose first run fails sooner than this is assumed to be unable to start."""
HAND_BACK_S = 5
"""Time for a program to stop, on top of the grace period in its settings."""


class Program(NamedTuple):
    """A command, and the environment variables that it gets besides this process's own."""

    command: Sequence[str]
    variables: Mapping[str, str] = {}


def run(programs: Mapping[str, Program], settings: Settings) -> int:
    """Run programs by their names, with their services; returns the exit code.

    Herald is ready when the program ``web`` is, and if there is a program ``worker``, a task type is online.

    Raises:
        StartError: a problem was found before any program was started.
    """
    stop = StopSignals()
    stop.listen()
    output = Output(stop)
    address = None
    if "web" in programs:
        _require_free(settings.host, settings.port)
        address = f"http://{settings.host}:{settings.port}"
    with ExitStack() as stack:
        keep_open = []
        if not (settings.redis_url and settings.mongo_url):
            keep_open.append(stack.enter_context(data_dir_lock(settings.data_dir)))
        variables, servers = servers_for(settings)
        temp_dir = tempfile.mkdtemp(prefix="herald-")
        watcher = stack.enter_context(Watcher(keep_open, temp_dir=temp_dir))
        if settings.metrics_dir is None:  # share metrics, so that /metrics covers all programs
            variables[settings_module.METRICS_DIR] = temp_dir
        environment = settings_module.child_environment(
            **variables, PORT=str(settings.port), PYTHONUNBUFFERED="1"
        )
        supervisor = Supervisor(watcher, output, stop)
        services: list[ChildProcess] = []
        running: list[ChildProcess] = []
        try:
            if servers:
                output.message(
                    f"herald: starting the embedded {' and '.join(server.name for server in servers)}"
                )
            for server in servers:
                name, hint = f"the embedded {server.name}", f"; see {server.log}"
                services.append(ChildProcess(name, partial(server.spawn, watcher), hint=hint))
            for server in servers:
                server.wait(lambda: stop.requested)
            for service in services:
                supervisor.add(service)
            if not stop.requested:
                output.message(f"herald: starting {' and '.join(programs)}")
                for name, program in programs.items():
                    own = {**environment, **program.variables}
                    spawn = partial(start, program.command, output=PIPE, env=own, watcher=watcher)
                    running.append(supervisor.add(ChildProcess(name, spawn)))
            failed = _keep_alive(supervisor, running, address, output, stop)
        finally:
            if stop.requested:
                output.message("herald: stopping")
            supervisor.stop(running, max(settings.grace_period_s, settings.worker_grace_s) + HAND_BACK_S)
            supervisor.stop(services, STOP_TIMEOUT_S)
    if failed is not None:
        output.message(f"herald: {failed.name} couldn't start ({failed.exit_reason}); see its output above")
    return _exit_code(failed, stop)


def _exit_code(failed: ChildProcess | None, stop: StopSignals) -> int:
    """0 after a graceful stop; otherwise a program's code, or 128 plus the signal's number, as in a shell."""
    if stop.forced_by is not None:
        return 128 + stop.forced_by
    if failed is None:
        return 0
    code = failed.process.returncode
    return 128 - code if code < 0 else code or 1


def _keep_alive(
    supervisor: Supervisor,
    programs: Sequence[ChildProcess],
    address: str | None,
    output: Output,
    stop: StopSignals,
) -> ChildProcess | None:
    """Restart exited processes until a stop is requested; returns the program that cannot start, if any."""
    ready = False
    while not stop.requested:
        for exited in supervisor.poll():
            if exited in programs and _cannot_start(exited, ready=ready):
                return exited
            supervisor.restart(exited)
        with_worker = any(program.name == "worker" for program in programs)
        if not ready and (address is None or _is_ready(f"{address}/readyz", with_worker=with_worker)):
            ready = True
            if address is not None:
                output.message(f"\n  Herald is ready: {address}\n")
    return None


def _cannot_start(exited: ChildProcess, *, ready: bool) -> bool:
    """Whether the run should end, because restarting the program would not help."""
    failed_early = exited.restarts == 0 and exited.process.returncode > 0 and exited.age_s < STARTED_AFTER_S
    return not ready or failed_early


def _require_free(host: str, port: int) -> None:
    try:
        socket.create_server((host, port)).close()
    except OSError as error:
        raise StartError(
            f"can't listen on {host}:{port} ({error.strerror}); "
            f"stop the program that uses it, or choose another port by setting PORT={port + 1}"
        ) from None


def _is_ready(address: str, *, with_worker: bool) -> bool:
    """Whether ``GET /readyz`` succeeds, and if there is a worker, some task types are online."""
    try:
        with urllib.request.urlopen(address, timeout=1) as response:  # noqa: S310
            body = json.load(response)
    except (OSError, ValueError):  # not started, or 503
        return False
    types = body.get("taskTypes")
    online = types.get("online") if isinstance(types, dict) else types
    return not with_worker or online is None or online > 0
