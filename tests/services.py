"""The three services as processes of a test, to be killed and started again."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.processes import free_port

#: Seconds after which a service that was told to stop hangs, and is killed.
HANG_SECONDS = 60
SERVICES = ("fetcher", "parser", "indexer")
PORT_SETTINGS = {
    "fetcher": "DATELINE_FETCHER_PORT",
    "parser": "DATELINE_PARSER_PORT",
    "indexer": "DATELINE_PORT",
}


def nothing_more(_: str) -> Mapping[str, str]:
    """No environment beside what every service of a test has."""
    return {}


class Services:
    """The services on a folder and a server.

    Args:
        folder: where inbox, data and log are made.
        redis_url: the server.
        names: those of replicas: `parser-2` is a second parser.
        environment: what a replica of this name has in its environment beside that.
    """

    def __init__(
        self,
        folder: Path,
        redis_url: str,
        names: Sequence[str] = SERVICES,
        environment: Callable[[str], Mapping[str, str]] = nothing_more,
    ) -> None:
        self.inbox = folder / "inbox"
        self.inbox.mkdir()
        self.index = folder / "data" / "index"
        self.log = folder / "services.log"
        self._ports = {name: str(free_port()) for name in names}
        self._own_environment = environment
        self._environment = os.environ | {
            "DATELINE_INBOX": str(self.inbox),
            "DATELINE_DATA": str(folder / "data"),
            "DATELINE_REDIS_URL": redis_url,
        }
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str) -> None:
        """Start the service."""
        service = name.partition("-")[0]
        own = {"DATELINE_REPLICA": name, PORT_SETTINGS[service]: self._ports[name], **self._own_environment(name)}
        with self.log.open("ab") as log:
            self._processes[name] = subprocess.Popen(
                [sys.executable, "-m", f"services.{service}"], env=self._environment | own, stdout=log, stderr=log
            )

    def pid(self, name: str) -> int:
        """Return its process id."""
        return self._processes[name].pid

    def kill(self, name: str) -> None:
        """SIGKILL."""
        self._processes[name].send_signal(signal.SIGKILL)
        self._processes[name].wait()

    def ended(self) -> dict[str, int]:
        """Return the exit codes of those that are not running."""
        return {name: code for name, process in self._processes.items() if (code := process.poll()) is not None}

    def terminate(self, name: str) -> int:
        """SIGTERM; return the exit code."""
        self._processes[name].terminate()
        return _exit_code(self._processes[name])

    def children(self, name: str) -> list[int]:
        """Return the process ids of the service's children."""
        found = subprocess.run(
            ["pgrep", "-P", str(self._processes[name].pid)], capture_output=True, text=True, check=False
        )
        return [int(line) for line in found.stdout.split()]

    def stop(self) -> dict[str, int]:
        """SIGTERM to all; return their exit codes. One that has not ended within `HANG_SECONDS` is killed."""
        for process in self._processes.values():
            process.terminate()
        return {name: _exit_code(process) for name, process in self._processes.items()}

    def ask(self, name: str, path: str, **query: Any) -> httpx.Response:
        """Return what a service answers."""
        return httpx.get(f"{self.address(name)}{path}", params=query, timeout=10)

    def address(self, name: str) -> str:
        """Return where a service answers."""
        return f"http://127.0.0.1:{self._ports[name]}"

    def ready(self, name: str) -> bool:
        """Whether the service is ready; one that does not answer at all is not."""
        try:
            return self.ask(name, "/readyz").status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    def get(self, path: str, **query: Any) -> Any:
        """Return the JSON the API answers with."""
        return self.ask("indexer", path, **query).raise_for_status().json()

    def post(self, path: str, **query: Any) -> Any:
        """Return the JSON the API answers with."""
        address = f"http://127.0.0.1:{self._ports['indexer']}{path}"
        return httpx.post(address, params=query, timeout=10).raise_for_status().json()

    def status(self) -> dict[str, Any]:
        """Return `/status`, empty while it cannot be had; every one that can must add up."""
        try:
            status: dict[str, Any] = self.get("/status")
        except httpx.HTTPError:
            return {}
        states = sum(status[state] for state in ("indexed", "duplicate", "rejected", "removed"))
        assert status["accepted"] == states + status["in_flight"]["total"], status
        return status

    def wait_until(self, key: str, least: int, seconds: float = 120) -> dict[str, Any]:
        """Wait until the status has at least so many of `key`."""
        deadline = time.monotonic() + seconds
        while (status := self.status()).get(key, -1) < least:
            assert time.monotonic() < deadline, f"{status}\n{self.log.read_text()[-5_000:]}"
            time.sleep(0.05)
        return status


def _exit_code(process: subprocess.Popen[bytes]) -> int:
    try:
        return process.wait(HANG_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


@contextmanager
def running_services(
    folder: Path,
    redis_url: str,
    names: Sequence[str] = SERVICES,
    environment: Callable[[str], Mapping[str, str]] = nothing_more,
) -> Iterator[Services]:
    """Run them all; none is left at the end."""
    services = Services(folder, redis_url, names, environment)
    for name in names:
        services.start(name)
    try:
        yield services
    finally:
        codes = services.stop()
    assert -signal.SIGKILL not in codes.values(), f"did not stop: {codes}"
