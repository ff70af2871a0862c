"""Runs the Procfile's programs and, where no URL is set, embedded services; started by ``make run``.

Usage: ``python -m herald.shared.launcher [PROCFILE]``. Programs that exit are restarted until SIGINT, SIGTERM
or SIGHUP. If a program cannot start at all, the launcher stops and returns its exit code.
"""

import re
import signal
import socket
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from subprocess import PIPE

signal.signal(signal.SIGINT, signal.SIG_DFL)  # the imports below are slow; Ctrl-C must not print a traceback

from herald.shared import settings as settings_module  # noqa: E402
from herald.shared.launcher.embedded import STOP_TIMEOUT_S, data_dir_lock, servers_for  # noqa: E402
from herald.shared.launcher.processes import StartError, Watcher, start  # noqa: E402
from herald.shared.launcher.supervisor import ChildProcess, Output, StopSignals, Supervisor  # noqa: E402
from herald.shared.settings import Settings  # noqa: E402

PROCFILE_LINE = re.compile(r"([A-Za-z0-9_-]+):\s*(\S.*)")
STARTED_AFTER_S = 10
"""A program whose first run fails sooner than this is assumed to be unable to start."""
HAND_BACK_S = 5
"""Time for a program to stop, on top of the grace period in its settings."""


def run(procfile: Path, settings: Settings) -> int:
    """Run a Procfile with its services until a signal stops it; returns the exit code.

    Raises:
        StartError: a problem was found before any program was started.
    """
    stop = StopSignals()
    stop.listen()
    output = Output(stop)
    commands = _commands(procfile)
    address = None
    if "web" in commands:
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
        programs: list[ChildProcess] = []
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
                output.message(f"herald: starting {' and '.join(commands)}")
                for name, command in commands.items():
                    # `exec` replaces the shell, so that the program itself gets our signals.
                    shell = ["sh", "-c", f"exec {command}"]
                    spawn = partial(start, shell, output=PIPE, env=environment, watcher=watcher)
                    programs.append(supervisor.add(ChildProcess(name, spawn)))
            failed = _keep_alive(supervisor, programs, address, output, stop)
        finally:
            if stop.requested:
                output.message("herald: stopping")
            supervisor.stop(programs, max(settings.grace_period_s, settings.worker_grace_s) + HAND_BACK_S)
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
        if not ready and (address is None or _is_ready(f"{address}/readyz")):
            ready = True
            if address is not None:
                output.message(f"\n  Herald is ready: {address}\n")
    return None


def _cannot_start(exited: ChildProcess, *, ready: bool) -> bool:
    """Whether the run should end, because restarting the program would not help."""
    failed_early = exited.restarts == 0 and exited.process.returncode > 0 and exited.age_s < STARTED_AFTER_S
    return not ready or failed_early


def _commands(procfile: Path) -> dict[str, str]:
    """The programs of a Procfile: on each line a name and a simple shell command."""
    try:
        lines = procfile.read_text().splitlines()
    except OSError as error:
        raise StartError(f"can't read {procfile} ({error.strerror}); run this in Herald's folder") from None
    commands = {match[1]: match[2] for line in lines if (match := PROCFILE_LINE.fullmatch(line.strip()))}
    if not commands:
        raise StartError(f"{procfile} contains no programs; add lines such as `web: python -m herald.server`")
    return commands


def _require_free(host: str, port: int) -> None:
    try:
        socket.create_server((host, port)).close()
    except OSError as error:
        raise StartError(
            f"can't listen on {host}:{port} ({error.strerror}); "
            f"stop the program that uses it, or choose another port: PORT={port + 1} make run"
        ) from None


def _is_ready(address: str) -> bool:
    with suppress(urllib.error.URLError, OSError), urllib.request.urlopen(address, timeout=1) as response:  # noqa: S310
        return bool(response.status == 200)  # noqa: PLR2004
    return False


def main(arguments: Sequence[str]) -> int:
    """Run the Procfile named in ``arguments``, by default ``Procfile``; returns the exit code."""
    if len(arguments) > 1:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        return run(Path(*arguments or ["Procfile"]), settings_module.load())
    except StartError as error:
        print(f"herald: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
