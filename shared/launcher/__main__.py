"""What ``make run`` runs: the Procfile's programs and, where no URL is set, the embedded services.

``python -m herald.shared.launcher [PROCFILE]``. A program that ends is started again, until SIGINT,
SIGTERM or SIGHUP. One that cannot start at all ends the run with its exit code.
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

signal.signal(signal.SIGINT, signal.SIG_DFL)  # the imports below take a while; Ctrl-C shows no traceback

from herald.shared import settings as settings_module  # noqa: E402
from herald.shared.launcher.embedded import STOP_WITHIN_S, servers_for, sole_user  # noqa: E402
from herald.shared.launcher.processes import StartError, Watcher, start  # noqa: E402
from herald.shared.launcher.supervisor import Kept, Output, Stop, Supervisor  # noqa: E402
from herald.shared.settings import Settings  # noqa: E402

PROCFILE_LINE = re.compile(r"([A-Za-z0-9_-]+):\s*(\S.*)")
STARTED_AFTER_S = 10
"""A program whose first run ends with an error sooner than this could not start."""
HAND_BACK_S = 5
"""What a program may take to stop, beyond the grace that its settings give to its work."""


def run(procfile: Path, settings: Settings) -> int:
    """Run a Procfile with its services until told to stop; returns the exit code.

    Raises:
        StartError: something is wrong before any program has started.
    """
    stop = Stop()
    stop.listen()
    output = Output(stop)
    commands = _commands(procfile)
    address = None
    if "web" in commands:
        _require_free(settings.host, settings.port)
        address = f"http://{settings.host}:{settings.port}"
    with ExitStack() as stack:
        held = []
        if not (settings.redis_url and settings.mongo_url):
            held.append(stack.enter_context(sole_user(settings.data_dir)))
        variables, servers = servers_for(settings)
        scratch = tempfile.mkdtemp(prefix="herald-")
        watcher = stack.enter_context(Watcher(held, scratch=scratch))
        if settings.metrics_dir is None:  # web and worker count together, so that /metrics shows them all
            variables[settings_module.METRICS_DIR] = scratch
        environment = settings_module.child_environment(
            **variables, PORT=str(settings.port), PYTHONUNBUFFERED="1"
        )
        supervisor = Supervisor(watcher, output, stop)
        services: list[Kept] = []
        programs: list[Kept] = []
        try:
            if servers:
                output.say(f"herald: starting the embedded {' and '.join(server.name for server in servers)}")
            for server in servers:
                name, hint = f"the embedded {server.name}", f"; its log is {server.log}"
                services.append(Kept(name, partial(server.spawn, watcher), hint=hint))
            for server in servers:
                server.wait(lambda: stop.wanted)
            for service in services:
                supervisor.keep(service)
            if not stop.wanted:
                output.say(f"herald: starting {' and '.join(commands)}")
                for name, command in commands.items():
                    # With `exec` the program leads its group and gets our signals, and not a shell.
                    shell = ["sh", "-c", f"exec {command}"]
                    spawn = partial(start, shell, output=PIPE, env=environment, watcher=watcher)
                    programs.append(supervisor.keep(Kept(name, spawn)))
            failed = _keep_alive(supervisor, programs, address, output, stop)
        finally:
            if stop.wanted:
                output.say("herald: stopping")
            supervisor.stop(programs, max(settings.grace_period_s, settings.worker_grace_s) + HAND_BACK_S)
            supervisor.stop(services, STOP_WITHIN_S)
    if failed is not None:
        output.say(f"herald: {failed.name} did not start ({failed.end}); its output above says why")
    return _exit_code(failed, stop)


def _exit_code(failed: Kept | None, stop: Stop) -> int:
    """0 after an orderly stop, else never 0; a death by a signal is 128 and its number, as in a shell."""
    if stop.at_once is not None:
        return 128 + stop.at_once
    if failed is None:
        return 0
    code = failed.process.returncode
    return 128 - code if code < 0 else code or 1


def _keep_alive(
    supervisor: Supervisor, programs: Sequence[Kept], address: str | None, output: Output, stop: Stop
) -> Kept | None:
    """Restart what ends until told to stop, or until a program cannot start; returns that program."""
    ready = False
    while not stop.wanted:
        for ended in supervisor.turn():
            if ended in programs and _cannot_start(ended, ready=ready):
                return ended
            supervisor.restart(ended)
        if not ready and (address is None or _answers(f"{address}/readyz")):
            ready = True
            if address is not None:
                output.say(f"\n  Herald is ready: {address}\n")
    return None


def _cannot_start(ended: Kept, *, ready: bool) -> bool:
    """Whether to end the run, since to start the program again would not help."""
    gave_up_early = ended.ends == 0 and ended.process.returncode > 0 and ended.age_s < STARTED_AFTER_S
    return not ready or gave_up_early


def _commands(procfile: Path) -> dict[str, str]:
    """The programs of a Procfile: a name and one simple shell command a line."""
    try:
        lines = procfile.read_text().splitlines()
    except OSError as error:
        raise StartError(f"cannot read {procfile}: {error.strerror}; run this in Herald's folder") from None
    found = {match[1]: match[2] for line in lines if (match := PROCFILE_LINE.fullmatch(line.strip()))}
    if not found:
        raise StartError(
            f"{procfile} names no program; a line looks like this: `web: python -m herald.server`"
        )
    return found


def _require_free(host: str, port: int) -> None:
    try:
        socket.create_server((host, port)).close()
    except OSError as error:
        raise StartError(
            f"cannot listen on {host}:{port} ({error.strerror}); "
            f"stop what uses it, or choose another port: PORT={port + 1} make run"
        ) from None


def _answers(address: str) -> bool:
    with suppress(urllib.error.URLError, OSError), urllib.request.urlopen(address, timeout=1) as response:  # noqa: S310
        return bool(response.status == 200)  # noqa: PLR2004
    return False


def main(arguments: Sequence[str]) -> int:
    """The command line."""
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
