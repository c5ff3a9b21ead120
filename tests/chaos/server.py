"""The server of a run: can be killed, frozen, wiped, and put back to an earlier copy of its data.

Redis 7 and Valkey run here as binaries, Redis 8 in a container on the same folder and unix socket.
"""

import os
import shutil
import signal
import subprocess
import uuid
from collections.abc import Mapping
from pathlib import Path

import redis

from tests.servers import OPTIONS, binary_of, wait_for


class DisposableServer:
    """A server whose data lie in `folder/data` and whose socket is `folder/s`."""

    def __init__(self, kind: str, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.data.mkdir(parents=True)
        self._copy = folder / "copy"
        self.socket = folder / "s"
        self.url = f"unix://{self.socket}"
        self._environment = environment
        self._container = f"dateline-chaos-{uuid.uuid4().hex[:8]}" if ":" in kind else None
        self._command = self._in_container(kind) if self._container else [binary_of(kind), *self._options()]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def version(self) -> str:
        """What the server says it is."""
        with redis.Redis.from_url(self.url) as client:
            info = client.info("server")
        name = "Valkey" if "valkey_version" in info else "Redis"
        return f"{name} {info.get('valkey_version', info['redis_version'])}"

    def start(self) -> None:
        """Start it; returns when it answers."""
        self.data.mkdir(exist_ok=True)
        self._process = subprocess.Popen(
            self._command, env={**os.environ, **self._environment}, stdout=subprocess.DEVNULL
        )
        wait_for(self.url)

    def kill(self) -> None:
        """SIGKILL."""
        self.signal(signal.SIGKILL)
        assert self._process
        self._process.wait()

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    @property
    def pid(self) -> int:
        """Of the server itself, inside a container, too."""
        assert self._process
        if not self._container:
            return self._process.pid
        state = ["docker", "inspect", "--format", "{{.State.Pid}}", self._container]
        return int(subprocess.run(state, capture_output=True, check=True).stdout)

    def copy(self) -> None:
        """Keep the data as they are now, while it runs."""
        shutil.rmtree(self._copy, ignore_errors=True)
        while True:
            try:
                shutil.copytree(self.data, self._copy, dirs_exist_ok=True)
                return
            except (shutil.Error, FileNotFoundError):  # the append-only file was just rewritten
                shutil.rmtree(self._copy, ignore_errors=True)

    def restore(self) -> None:
        """Kill it, and start it on the copy."""
        self.kill()
        shutil.rmtree(self.data)
        shutil.copytree(self._copy, self.data)
        self.start()

    def wipe(self) -> None:
        """Kill it, delete its data, start it."""
        self.kill()
        shutil.rmtree(self.data)
        self.start()

    def _options(self) -> list[str]:
        where = ("--port", "0", "--unixsocket", str(self.socket), "--unixsocketperm", "777", "--dir", str(self.data))
        return [*where, *OPTIONS, "--logfile", str(self.folder / "log")]

    def _in_container(self, image: str) -> list[str]:
        folders = {self.folder, *(Path(value).parent for value in self._environment.values())}
        mounts = [word for folder in folders for word in ("--volume", f"{folder}:{folder}")]
        variables = [word for name, value in self._environment.items() for word in ("--env", f"{name}={value}")]
        run = ["docker", "run", "--rm", "--name", str(self._container), "--network", "none"]
        user = ["--user", f"{os.getuid()}:{os.getgid()}"]
        return [*run, *user, *mounts, *variables, "--entrypoint", "redis-server", image, *self._options()]
